import {
  KernelManager,
  KernelSpecManager,
  ServerConnection,
  SessionManager,
  ContentsManager,
} from '@jupyterlab/services'
import { WebSocket } from 'ws'

/** What one who works in VS Code sees of a kernel elsewhere. */
export interface Remote {
  /** Names of the kernels to choose from. */
  kernels: string[]
  /** Runs a cell, and gives what it printed. */
  run(code: string): Promise<string>
  interrupt(): Promise<void>
  /** Ends the kernel, and forgets what was made for it. */
  close(): Promise<void>
}

/**
 * Connects as the Jupyter extension of VS Code does, by the library that it uses: an address and a token, a notebook for
 * its kernel, and a session with it.
 * https://github.com/microsoft/vscode-jupyter/blob/main/src/kernels/jupyter/session/jupyterLabHelper.ts
 */
export async function connectRemote(address: string, token: string): Promise<Remote> {
  const serverSettings = ServerConnection.makeSettings({
    baseUrl: address,
    appUrl: '',
    wsUrl: address.replace(/^http/, 'ws'),
    token,
    appendToken: true,
    init: { cache: 'no-store', credentials: 'same-origin' },
    WebSocket: WebSocket as never,
  })
  const specs = new KernelSpecManager({ serverSettings })
  const kernels = new KernelManager({ serverSettings })
  const sessions = new SessionManager({ serverSettings, kernelManager: kernels })
  const contents = new ContentsManager({ serverSettings })
  const end = () => {
    for (const one of [contents, sessions, kernels, specs]) one.dispose()
  }
  try {
    await specs.ready
    await sessions.ready
    const backing = await contents.newUntitled({ type: 'notebook' })
    const name = specs.specs?.default ?? ''
    const session = await sessions.startNew({
      name: 'local.ipynb',
      path: backing.path,
      type: 'notebook',
      kernel: { name },
    })
    const kernel = session.kernel!
    await kernel.info
    return {
      kernels: Object.keys(specs.specs?.kernelspecs ?? {}),
      async run(code) {
        let text = ''
        const future = kernel.requestExecute({ code, store_history: true })
        future.onIOPub = ({ header, content }) => {
          if (header.msg_type === 'stream') text += (content as { text: string }).text
        }
        const { content } = await future.done
        return content.status === 'ok' ? text : `${text}${content.status}`
      },
      interrupt: () => kernel.interrupt(),
      async close() {
        await session.shutdown()
        await contents.delete(backing.path)
        end()
      },
    }
  } catch (error) {
    end()
    throw error
  }
}
