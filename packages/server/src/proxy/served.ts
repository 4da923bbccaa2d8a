import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Address } from '../engines/engine.ts'

/**
 * Something of a team that tasks serve over HTTP, as it stands when a request comes. Its label is part of its host
 * name: the id of whatever owns it, and mostly a port, as in `j0123456789abcdef-8080`.
 */
export interface Served {
  teamId: string
  /** For messages, such as `Job train-7`. */
  name: string
  /** `team`: people of the team; `key`: only their programs, with a key or a token; `public`: anyone. */
  access: 'team' | 'key' | 'public'
  /** The task that answers this request; null: there is none, and `reason` says why. */
  task: { id: string; engine: string } | null
  /** A sentence, where no task runs: what is the matter, and what to do. */
  reason?: string
  /** A task is on its way, so a request may wait for a moment. */
  starting?: boolean
  /** Port that the task listens on. */
  port: number
  /** Sent with each request, in place of what a client sends under these names. */
  headers?: Readonly<Record<string, string>>
  /** Put in front of every path, such as `/lab`; without a slash at its end. */
  pathPrefix?: string
  /** Called when a request or a socket begins, with its path and query; what it returns is called when it has ended. */
  observe?: (what: 'request' | 'socket', url: string) => () => void
  /** Passes on what was let in by itself: there is no one task that all goes to. Both reject with AppError. */
  passOn?: {
    request(given: GivenRequest): Promise<void>
    socket(given: Omit<GivenSocket, 'address'>): Promise<void>
  }
  /**
   * Takes over a socket that was let in, instead of joining it to that of the task; resolves when that is closed. False:
   * it was not touched, and is joined to that of the task.
   */
  takeSocket?: (given: GivenSocket) => Promise<boolean>
}

/** A request that was let in: headers are clean of what is ours, `url` is what the task is to see. */
export interface GivenRequest {
  request: IncomingMessage
  response: ServerResponse
  url: string
  headers: Record<string, string | string[]>
}

/** An upgrade that was let in: headers are clean of what is ours, `url` is what the task is to see. */
export interface GivenSocket {
  request: IncomingMessage
  socket: Duplex
  /** What has come already. */
  head: Buffer
  url: string
  headers: Record<string, string | string[]>
  address: Address
}

/** Finds what a label stands for; null: nothing. */
export type FindServed = (label: string) => Promise<Served | null>
