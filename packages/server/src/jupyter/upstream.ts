import { WebSocket } from 'ws'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import type { Pausable } from './page.ts'
import type { JupyterPlace } from './rest.ts'
import { bytesOf, readMessage, v1Protocol, type WireFormat, type WireMessage, writeMessage } from './wire.ts'

/** Jupyter does not let us have this kernel. */
export class UpstreamRefused extends Error {
  readonly status: number

  constructor(status: number) {
    super(`Jupyter answered ${status} when a kernel was to be connected`)
    this.status = status
  }
}

interface Given {
  kernelId: string
  /** Where Jupyter is now; null: it is not. */
  place: () => Promise<JupyterPlace | null>
  clock: Clock
  onProblem: (error: unknown) => void
}

/**
 * The connection to one kernel, made again when it is lost. Its session id is always the same: while it is lost, Jupyter
 * keeps what the kernel says for that session alone, and sends it once we are back.
 */
export class Upstream implements Pausable {
  onMessage: (message: WireMessage) => void = () => {}
  readonly #given: Given
  readonly #holders = new Set<object>()
  readonly #waiting: WireMessage[] = []
  #socket: WebSocket | null = null
  #format: WireFormat = 'v1'
  #opening: Promise<void> | null = null
  #isClosed = false
  #retryMs: number = limits.jupyterRetryMs

  constructor(given: Given) {
    this.#given = given
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN
  }

  /** Connects, if it is not connected. Rejects with UpstreamRefused, or the error of the connection. */
  connect(): Promise<void> {
    if (this.isOpen) return Promise.resolve()
    // What was let go of is not taken up again: whoever comes now asks Jupyter itself.
    if (this.#isClosed) return Promise.reject(new UpstreamRefused(410))
    this.#opening ??= this.#open(true).finally(() => (this.#opening = null))
    return this.#opening
  }

  /** Sends, or keeps it until it can be sent. */
  send(message: WireMessage): void {
    if (this.isOpen) this.#socket?.send(writeMessage(message, this.#format))
    else if (this.#waiting.length < limits.jupyterKnownMessages) this.#waiting.push(message)
  }

  /** Connects anew. Nothing is lost by it: Jupyter keeps what comes meanwhile. */
  renew(): void {
    if (this.#socket) end(this.#socket, this.#given.clock)
  }

  hold(who: object): void {
    this.#holders.add(who)
    this.#socket?.pause()
  }

  release(who: object): void {
    if (this.#holders.delete(who) && this.#holders.size === 0) this.#socket?.resume()
  }

  close(): void {
    this.#isClosed = true
    if (this.#socket) end(this.#socket, this.#given.clock)
  }

  async #open(withProtocol: boolean): Promise<void> {
    const place = await this.#given.place()
    if (!place) throw new UpstreamRefused(503)
    const { host, port, prefix, headers } = place
    const id = this.#given.kernelId
    const url = `ws://${host}:${port}${prefix}/api/kernels/${id}/channels?session_id=nabla-${id}`
    const socket = new WebSocket(url, withProtocol ? [v1Protocol] : [], {
      headers,
      perMessageDeflate: false,
      maxPayload: limits.jupyterMessageBytes,
      handshakeTimeout: limits.proxyUpgradeMs,
      skipUTF8Validation: true,
    })
    socket.on('message', (data, isBinary) => this.#take(bytesOf(data), isBinary))
    try {
      await opened(socket)
    } catch (error) {
      // Jupyter servers from before there were subprotocols.
      const isOld = error instanceof Error && error.message === 'Server sent no subprotocol'
      if (isOld && withProtocol) return this.#open(false)
      throw error
    }
    socket.on('error', () => socket.terminate())
    socket.once('close', () => this.#lost(socket))
    this.#format = socket.protocol === v1Protocol ? 'v1' : 'default'
    this.#socket = socket
    this.#retryMs = limits.jupyterRetryMs
    if (this.#isClosed) socket.close()
    if (this.#holders.size > 0) socket.pause()
    for (const message of this.#waiting.splice(0)) this.send(message)
  }

  #take(data: Buffer, isBinary: boolean): void {
    try {
      this.onMessage(readMessage(data, isBinary, this.#format))
    } catch (error) {
      this.#given.onProblem(error)
    }
  }

  #lost(socket: WebSocket): void {
    if (this.#socket === socket) this.#socket = null
    if (this.#isClosed) return
    this.connect().catch((error: unknown) => {
      // A kernel that is gone is found out by whoever looks at all of them.
      if (!(error instanceof UpstreamRefused) || error.status >= 500) this.#later()
    })
  }

  #later(): void {
    const ms = this.#retryMs
    this.#retryMs = Math.min(2 * ms, limits.jupyterRetryMostMs)
    this.#given.clock.after(ms, () => {
      if (this.#isClosed) return
      this.connect().catch((error: unknown) => {
        if (!(error instanceof UpstreamRefused) || error.status >= 500) this.#later()
      })
    })
  }
}

/** What was sent before the other end has heard of it still arrives. */
function end(socket: WebSocket, clock: Clock): void {
  socket.close()
  clock.after(limits.jupyterRetryMs, () => socket.terminate())
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
    socket.once('unexpected-response', (_, answer) => {
      answer.resume()
      socket.terminate()
      reject(new UpstreamRefused(answer.statusCode ?? 502))
    })
  })
}
