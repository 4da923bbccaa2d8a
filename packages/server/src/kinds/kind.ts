import type { Readable } from 'node:stream'
import type { Contract, Noun } from '@nabla/api'
import type { RouteInput, RouteOutput, RouteShape } from '@nabla/api/route'
import type { WebSocket } from 'ws'
import type { Deps } from '../deps.ts'

/** Who a request comes from, as its key or its session says. */
export interface Caller {
  userId: string
  userName: string
  teamId: string
  teamName: string
  role: 'admin' | 'member'
  /** The key, or the one that the session was made with; null for a session made with a password. */
  keyId: string | null
  /** Null: the key asks for itself. */
  sessionId: string | null
  /** The job whose program asks, with the key that every job has: it may only track and register. */
  jobId?: string
}

/** A response that is not one JSON value. */
export interface ByteStream {
  body: Readable | string
  contentType: string
  /** Of the whole file; leave out when it is not known. */
  sizeBytes?: number
  /** Suggested file name; makes a browser save it and never show it. */
  fileName?: string
  headers?: Record<string, string>
  /** 200 unless said otherwise: 206 for a range. */
  status?: number
}

/** Server-sent events: `id` is what a client resumes after. The iterator ends when there is no more to come. */
export interface EventStream {
  events: AsyncIterable<StreamItem>
}

export type StreamItem =
  | { id: string; data: unknown }
  /**
   * `json`: the data as JSON already, on one line; it is sent unseen, so whoever makes it keeps to the contract.
   * `sent` is called when the bytes are out and their memory is free again; never when the client goes away before.
   */
  | { id: string; json: Uint8Array; sent?: () => void }
  | { comment: string }

/** A WebSocket: `open` gets it once it stands. All that may be refused is refused before. */
export interface SocketStream {
  open(socket: WebSocket): void
}

export type Stream = ByteStream | EventStream | SocketStream

/** One request as a handler sees it. `caller` is null only on routes that are open to anyone. */
export interface Request<R extends RouteShape> extends RouteInput<R> {
  caller: R['access'] extends 'anyone' ? Caller | null : Caller
  /** Aborts when the client goes away or the server stops. */
  signal: AbortSignal
  /** The body of an upload. */
  upload: R['body'] extends 'bytes' ? Readable : undefined
  headers: Record<string, string | string[] | undefined>
  /** Where it came from. */
  address: string
  origins: Origins
  /** Headers for the answer, if it is JSON: the handler adds to them. */
  answerHeaders: Record<string, string>
  requestId: string
}

/** Where the browser that asks finds the server, as origins such as `http://127.0.0.1:7070`. */
export interface Origins {
  own: string
  /** Where it may show what users made; null if it has no way there. */
  content: string | null
  /** Where it finds what tasks serve under a label; null if it has no way there. */
  served(label: string): string | null
}

export type Handler<R extends RouteShape> = (
  request: Request<R>,
  deps: Deps,
) => Promise<RouteOutput<R, Stream>> | RouteOutput<R, Stream>

/** The handlers of one noun: one for each of its routes, or it does not compile. */
export type Handlers<N extends Noun> = { [V in keyof Contract[N]]: Handler<Contract[N][V] & RouteShape> }
