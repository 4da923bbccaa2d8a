import table from './calls.json' with { type: 'json' }
import type { Contract } from './index.ts'
import type { RouteShape, Streamed } from './route.ts'

/** What a client needs to know of a route. */
export interface CallShape extends Pick<RouteShape, 'method' | 'path'> {
  /** The body is sent as it is, and not as JSON. */
  sendsBytes?: true
  /** How it is answered, if not with one JSON value. */
  stream?: Streamed['stream']
}

/**
 * Every route of the contract without its schemas, which take longer to make than a call: written from the contract by
 * `npm run reference`, and compared with it by a test.
 */
export const calls = table as { [N in keyof Contract]: Record<keyof Contract[N], CallShape> }
