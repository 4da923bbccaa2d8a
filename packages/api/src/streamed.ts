import type { z } from 'zod'
import type { Streamed } from './route.ts'

/** Whether a response is a stream and not one JSON value. */
export function isStreamed(response: z.ZodType | Streamed): response is Streamed {
  return 'stream' in response
}
