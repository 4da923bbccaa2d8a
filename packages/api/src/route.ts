import { z } from 'zod'
import type { ErrorCode } from './errors.ts'

/** Who may call a route. `anyone` needs no key; all others do, and see only what their team owns. */
export type Access = 'anyone' | 'member' | 'admin'

/** How a route answers when it does not answer with one JSON value. */
export type Streamed =
  /** Bytes of a file; ranges are honoured where the handler says so. */
  | { stream: 'bytes'; about: string }
  /** Server-sent events; `data` of each is JSON of this schema, `id` resumes after it by Last-Event-ID. */
  | { stream: 'events'; event: z.ZodType }
  /** A page or a text for people and scrapers. */
  | { stream: 'text'; about: string }
  /** A WebSocket (RFC 6455); what goes over it is said in `about`. */
  | { stream: 'socket'; about: string }

/** Whether a response is a stream and not one JSON value. */
export function isStreamed(response: z.ZodType | Streamed): response is Streamed {
  return 'stream' in response
}

export interface RouteShape {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Parameters are written `:name`. Routes of the API itself live under `/api/v1`. */
  path: `/${string}`
  /** One line for the reference. */
  about: string
  access: Access
  params?: z.ZodObject
  query?: z.ZodObject
  /** A JSON schema, or `bytes` for an upload that is read as a stream. */
  body?: z.ZodType | 'bytes'
  response: z.ZodType | Streamed
  /** Codes beyond those that any route can answer with. */
  errors?: readonly ErrorCode[]
}

/** Declares a route; returns it unchanged, with its exact type. */
export function route<const R extends RouteShape>(shape: R): R {
  return shape
}

type Out<S> = S extends z.ZodType ? z.output<S> : unknown
type In<S> = S extends z.ZodType ? z.input<S> : unknown

/** What a handler receives, parsed and with defaults filled in. */
export interface RouteInput<R extends RouteShape> {
  params: Out<R['params']>
  query: Out<R['query']>
  body: R['body'] extends z.ZodType ? z.output<R['body']> : undefined
}

/** What a handler returns, before it is checked and serialised. Streams are the server's own type. */
export type RouteOutput<R extends RouteShape, Stream> = R['response'] extends z.ZodType
  ? z.input<R['response']>
  : Stream

/** What an upload can be read from: the same in browsers and in Node. */
export type Upload = Blob | ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | string

/** What a caller passes: path and query parameters side by side, and the body on its own. */
export type CallInput<R extends RouteShape> = (R['params'] extends z.ZodObject ? In<R['params']> : unknown) &
  (R['query'] extends z.ZodObject ? Partial<In<R['query']>> : unknown) &
  (R['body'] extends z.ZodType ? { body: In<R['body']> } : unknown) &
  (R['body'] extends 'bytes' ? { body: Upload; contentLength?: number } : unknown)

/** The query of every list: newest first, `after` is the `next` of the page before. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('Most items in one page.'),
  after: z.string().max(200).optional().describe('The `next` of the page before.'),
})

/** One page of a list. `next` is null on the last one. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), next: z.string().nullable() })
}
