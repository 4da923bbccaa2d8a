import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'

/** Where a Jupyter answers, and what is sent with each request: who asks, and by which name. */
export interface JupyterAt {
  host: string
  port: number
  /** In front of every path, without a slash at its end. */
  prefix: string
  headers: Record<string, string>
}

/** Asks its REST API. Throws what it answered, if that is an error. */
export async function ask<T = unknown>(at: JupyterAt, method: string, path: string, body?: unknown): Promise<T> {
  const text = await exchange(at, method, path, body)
  return (text === '' ? null : JSON.parse(text)) as T
}

/** Reads what stands at a path. Answers with how many bytes those were. */
export function download({ host, port, prefix, headers }: JupyterAt, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host, port, path: `${prefix}${path}`, headers, agent: false }, (answer) => {
      let bytes = 0
      answer.on('data', (chunk: Buffer) => (bytes += chunk.length))
      answer.on('error', reject)
      answer.on('end', () => (answer.statusCode === 200 ? resolve(bytes) : reject(new Error(`${answer.statusCode}`))))
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** Waits until it answers; `isGone` says that it never will. */
export async function untilAnswers(at: JupyterAt, isGone: () => boolean): Promise<void> {
  for (;;) {
    if (isGone()) throw new Error('a Jupyter of the bench did not start')
    const answered = await ask(at, 'GET', '/api/status').then(
      () => true,
      () => false,
    )
    if (answered) return
    await pause(20)
  }
}

/** A new kernel of it, connected. */
export async function openKernel(at: JupyterAt): Promise<Kernel> {
  const { id } = await ask<{ id: string }>(at, 'POST', '/api/kernels', { name: 'python3' })
  return connectKernel(at, id)
}

/** One more connection to a kernel. */
export async function connectKernel(at: JupyterAt, id: string): Promise<Kernel> {
  const session = randomUUID()
  const url = `ws://${at.host}:${at.port}${at.prefix}/api/kernels/${id}/channels?session_id=${session}`
  const socket = new WebSocket(url, { headers: at.headers, perMessageDeflate: false, maxPayload: 1 << 30 })
  await once(socket, 'open')
  return new Kernel(id, session, socket)
}

interface Message {
  msg_type: string
  parent_header?: { msg_id?: string }
  content: { execution_state?: string; status?: string; evalue?: string }
}

/** Whoever has not answered by then has lost the question. */
const mostMs = 120_000

/** What came of a cell. */
interface Ran {
  /** Messages of output, and their bytes as they came. */
  messages: number
  bytes: number
}

/** A connection to a kernel: https://jupyter-client.readthedocs.io/en/latest/messaging.html */
export class Kernel {
  readonly id: string
  readonly #session: string
  readonly #socket: WebSocket

  constructor(id: string, session: string, socket: WebSocket) {
    this.id = id
    this.#session = session
    this.#socket = socket
  }

  /** Runs a cell, until the kernel is idle again. */
  run(code: string): Promise<Ran> {
    const content = { code, silent: false, store_history: false, allow_stdin: false, user_expressions: {} }
    const id = this.#send('execute_request', content)
    const ran: Ran = { messages: 0, bytes: 0 }
    return this.#until(id, ({ msg_type: type, content: { execution_state: state, evalue } }, bytes) => {
      if (type === 'error') throw new Error(`a cell of the bench failed: ${evalue}`)
      if (type === 'stream' || type === 'display_data') {
        ran.messages += 1
        ran.bytes += bytes
      }
      return type === 'status' && state === 'idle' ? ran : undefined
    })
  }

  /** Asks the kernel what it is, and waits for the answer: one message there and one back. */
  async ping(): Promise<void> {
    const id = this.#send('kernel_info_request', {})
    await this.#until(id, ({ msg_type: type }) => (type === 'kernel_info_reply' ? true : undefined))
  }

  close(): void {
    this.#socket.terminate()
  }

  #send(type: string, content: object): string {
    const id = randomUUID()
    const header = { msg_id: id, msg_type: type, username: 'bench', session: this.#session, version: '5.3', date: '' }
    this.#socket.send(
      JSON.stringify({ header, parent_header: {}, metadata: {}, channel: 'shell', content, buffers: [] }),
    )
    return id
  }

  #until<T>(id: string, take: (message: Message, bytes: number) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => done(() => reject(new Error('a kernel of the bench does not answer'))), mostMs)
      const done = (end: () => void) => {
        clearTimeout(late)
        this.#socket.off('message', listen)
        this.#socket.off('close', lost)
        end()
      }
      const lost = () => done(() => reject(new Error('the connection to a kernel of the bench was lost')))
      const listen = (data: Buffer) => {
        try {
          const message = JSON.parse(data.toString()) as Message
          if (message.parent_header?.msg_id !== id) return
          const found = take(message, data.length)
          if (found !== undefined) done(() => resolve(found))
        } catch (error) {
          done(() => reject(error))
        }
      }
      this.#socket.on('message', listen)
      this.#socket.on('close', lost)
    })
  }
}

function exchange(at: JupyterAt, method: string, path: string, body: unknown): Promise<string> {
  const { host, port, prefix, headers } = at
  const sent = body === undefined ? undefined : JSON.stringify(body)
  const type = sent === undefined ? {} : { 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const asked = request(
      { host, port, method, path: `${prefix}${path}`, headers: { ...headers, ...type }, agent: false },
      (answer) => {
        let text = ''
        answer.on('data', (chunk: Buffer) => (text += String(chunk)))
        answer.on('error', reject)
        answer.on('end', () => {
          const status = answer.statusCode ?? 0
          if (status < 300) resolve(text)
          else reject(new Error(`${method} ${path} was answered with ${status}: ${text.slice(0, 300)}`))
        })
      },
    )
    asked.on('error', reject)
    asked.end(sent)
  })
}
