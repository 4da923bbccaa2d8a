import type { Readable } from 'node:stream'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { ByteStream, Caller, Origins, SocketStream } from '../kinds/kind.ts'
import type { AppError } from '../lib/app-error.ts'

/**
 * Addresses that are not of our contract but of somebody else's protocol, so that clients of it work unchanged. They
 * are bound beside the contract (`http/compat.ts`) and denied to whoever has no key, like all others.
 */
export interface CompatSite {
  name: string
  /** What begins so belongs to it: what is not found there is told in its own words too. */
  prefixes: readonly `/${string}`[]
  routes: readonly CompatRoute[]
  /** A key that stands in the address, where the protocol has no other place; besides those of the headers. */
  keyIn?(params: Record<string, string>): string | undefined
  /** Who asks by an address that the server made for this, and which is good for one thing; such need no key. */
  callerIn?(params: Record<string, string>, deps: Deps): Promise<Caller | undefined>
  /** An error as clients of this protocol know it; `no_route` too. `path` is what was asked for. */
  errorBody(error: AppError, path: string): { status: number; body: unknown }
}

export interface CompatRoute {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Parameters are written `:name`; a star at the end is the rest of the path. */
  path: `/${string}`
  /** What `input` has to be: the query of a GET, the JSON body of all others; fields it does not name are left out. */
  input?: z.ZodType
  /** The input is the query with the fields of a JSON body over it, whichever the method: some clients send both. */
  bodyToo?: boolean
  /** A body that is not JSON, which the handler reads from `upload`. */
  bytes?: boolean
  /** Largest body, if it is not that of all JSON bodies or of uploads. */
  maxBodyBytes?: number
  handler(request: CompatRequest, deps: Deps): Promise<CompatAnswer>
}

export interface CompatRequest<Input = unknown> {
  caller: Caller
  params: Record<string, string>
  input: Input
  /** The body, of a route with `bytes`. */
  upload: Readable
  signal: AbortSignal
  headers: Record<string, string | string[] | undefined>
  origins: Origins
  requestId: string
}

/** JSON, the bytes of a file, or a WebSocket. */
export type CompatAnswer =
  | { json: unknown; status?: number; headers?: Record<string, string> }
  | { file: ByteStream }
  | SocketStream

/** Declares a route whose handler takes what its schema gives. */
export function compatRoute<Schema extends z.ZodType>(
  method: CompatRoute['method'],
  path: CompatRoute['path'],
  input: Schema,
  handler: (request: CompatRequest<z.output<Schema>>, deps: Deps) => Promise<unknown>,
): CompatRoute {
  return {
    method,
    path,
    input,
    handler: async (request, deps) => ({ json: await handler(request as CompatRequest<z.output<Schema>>, deps) }),
  }
}
