import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Notebook, NotebookState } from '@nabla/api/notebook'
import { expect } from 'vitest'
import type { WebSocket } from 'ws'
import { socketAt } from '../../../packages/server/src/testing/served.ts'
import { type ServerProcess, until } from './server-process.ts'

/** Whether pip can fetch what notebooks are made of. */
export async function canReachIndex(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-index-'))
  const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--retries', '1', '--no-deps']
  try {
    await promisify(execFile)('python3', [...pip, '--dest', folder, 'six==1.17.0'], { timeout: 60_000 })
    return true
  } catch {
    return false
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Waits until a notebook is in a state, over minutes: its Jupyter may have to be installed first. */
export async function untilState(server: ServerProcess, notebook: string, state: NotebookState): Promise<Notebook> {
  return until(async () => {
    const found = await server.client.notebook.wait({ notebook, state, seconds: 10 })
    if (found.state !== state) throw new Error(`the notebook is ${found.state}: ${found.reason ?? ''}`)
    return found
  }, 300_000)
}

/** Jupyter as a program elsewhere reaches it: by its address, with the token of whoever asks. */
export async function openJupyter(server: ServerProcess, notebook: string) {
  const { address, token: own } = await server.client.notebook.open({ notebook, body: {} })
  const { host } = new URL(address)
  const { port } = new URL(server.url)
  const ask = (method: string, path: string, { body, token = own }: { body?: unknown; token?: string } = {}) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const headers = { host, authorization: `token ${token}`, 'content-type': 'application/json' }
      const signal = AbortSignal.timeout(answerMs)
      const sent = request({ host: '127.0.0.1', port, path, method, headers, signal }, (answer) => {
        let text = ''
        answer.on('error', reject)
        answer.on('data', (part) => (text += part))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
      })
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
  const connect = async (path: string): Promise<WebSocket> => {
    const socket = socketAt(server.url, `http://${host}${path}?token=${own}&session_id=${randomUUID()}`)
    await new Promise((resolve, reject) => (socket.once('open', resolve), socket.once('error', reject)))
    return socket
  }
  return {
    ask,
    async inTerminal(command: string): Promise<string> {
      const { name } = JSON.parse((await ask('POST', '/api/terminals', { body: {} })).text) as { name: string }
      const socket = await connect(`/terminals/websocket/${name}`)
      let text = ''
      socket.on('message', (data: Buffer) => {
        const [kind, part] = JSON.parse(data.toString()) as [string, string]
        if (kind === 'stdout') text += part
      })
      socket.send(JSON.stringify(['stdin', `${command}; echo do''ne\r`]))
      await until(() => expect(text).toContain('done'))
      return text
    },
    /** A new kernel. */
    async newKernel(): Promise<string> {
      const made = await ask('POST', '/api/kernels', { body: { name: 'python3' } })
      return (JSON.parse(made.text) as { id: string }).id
    },
    /** A connection to a kernel, as each tab has one. */
    connect: (kernelId: string) => connect(`/api/kernels/${kernelId}/channels`),
    /** Runs cells in a kernel, a new one if none is given, and gives what they printed. */
    async kernel(id?: string): Promise<(code: string, mostMs?: number) => Promise<string>> {
      const socket = await connect(`/api/kernels/${id ?? (await this.newKernel())}/channels`)
      return (code, mostMs) => runCell(socket, code, mostMs)
    },
  }
}

/** A busy machine takes its time to start a kernel; what takes longer hangs. */
const answerMs = 180_000

interface KernelMessage {
  msg_type: string
  parent_header?: { msg_id?: string }
  content: { text?: string; traceback?: string[]; execution_state?: string }
}

/**
 * Runs a cell, and gives what it printed. Rejects when there is no answer in time: a kernel that begins again forgets
 * what it was asked. See https://jupyter-client.readthedocs.io/en/latest/messaging.html
 */
export function runCell(socket: WebSocket, code: string, mostMs = 180_000): Promise<string> {
  const id = randomUUID()
  let text = ''
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the kernel did not answer; so far: ${text}`)), mostMs)
    const listen = (data: Buffer) => {
      const { msg_type: type, parent_header: parent, content } = JSON.parse(data.toString()) as KernelMessage
      if (parent?.msg_id !== id) return
      if (type === 'stream') text += content.text ?? ''
      if (type === 'error') text += (content.traceback ?? []).join('\n')
      if (type !== 'status' || content.execution_state !== 'idle') return
      socket.off('message', listen)
      clearTimeout(late)
      resolve(text)
    }
    socket.on('message', listen)
    const header = { msg_id: id, msg_type: 'execute_request', username: 'test', session: id, version: '5.3', date: '' }
    const content = { code, silent: false, store_history: true, allow_stdin: false, user_expressions: {} }
    socket.send(JSON.stringify({ header, parent_header: {}, metadata: {}, channel: 'shell', content, buffers: [] }))
  })
}
