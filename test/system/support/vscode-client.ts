import { setTimeout as pause } from 'node:timers/promises'
import {
  KernelManager,
  KernelSpecManager,
  ServerConnection,
  SessionManager,
  ContentsManager,
} from '@jupyterlab/services'
import { WebSocket } from 'ws'

/** What one who works in VS Code sees of a kernel elsewhere. What has no answer in two minutes rejects, and says what it was. */
export interface Remote extends Disposable {
  /** Names of the kernels to choose from. */
  kernels: string[]
  /** Runs a cell, and gives what it printed. */
  run(code: string): Promise<string>
  /** Begins to run a cell. Resolves once it has printed something; `done` is then what `run` gives. */
  begin(code: string): Promise<{ done: Promise<string> }>
  interrupt(): Promise<void>
  restart(): Promise<void>
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
    await within('to list kernels', Promise.all([specs.ready, sessions.ready]))
    const backing = await contents.newUntitled({ type: 'notebook' })
    const kernelName = { name: specs.specs?.default ?? '' }
    const options = { name: 'local.ipynb', path: backing.path, type: 'notebook', kernel: kernelName }
    const session = await within('to start a session', sessions.startNew(options))
    const kernel = session.kernel!
    await within('to hear of its kernel', kernel.info)
    const run = async (code: string, onPrinted = () => {}) => {
      let text = ''
      const future = kernel.requestExecute({ code, store_history: true })
      future.onIOPub = ({ header, content }) => {
        if (header.msg_type !== 'stream') return
        text += (content as { text: string }).text
        onPrinted()
      }
      const { content } = await within(`to run ${code}`, future.done)
      return content.status === 'ok' ? text : `${text}${content.status}`
    }
    return {
      kernels: Object.keys(specs.specs?.kernelspecs ?? {}),
      run: (code) => run(code),
      async begin(code) {
        const { promise, resolve } = Promise.withResolvers<void>()
        const done = run(code, resolve)
        done.catch(() => {})
        await Promise.race([promise, done])
        return { done }
      },
      interrupt: () => within('to interrupt it', kernel.interrupt()),
      restart: () => within('to start it again', kernel.restart()),
      async close() {
        await within('to end it', session.shutdown())
        await contents.delete(backing.path)
        end()
      },
      [Symbol.dispose]: end,
    }
  } catch (error) {
    end()
    throw error
  }
}

async function within<T>(what: string, done: Promise<T>): Promise<T> {
  const isDone = new AbortController()
  const late = pause(mostMs, undefined, { signal: isDone.signal }).then(() => {
    throw new Error(`the kernel took more than ${mostMs / 1000} s ${what}`)
  })
  late.catch(() => {})
  return Promise.race([done, late]).finally(() => isDone.abort())
}

const mostMs = 120_000
