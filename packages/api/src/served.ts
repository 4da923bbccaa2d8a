import { z } from 'zod'
import { time } from './fields.ts'

/** Which page is to be opened of what a task serves. */
export const openServed = z.strictObject({
  path: z
    .string()
    .max(4000)
    .regex(/^\/(?![/\\])[\u0021-\u005b\u005d-\u007e]*$/, 'a path that begins with one slash')
    .default('/')
    .describe('Path and query.'),
})

/** Where a browser opens what a task serves, on an origin of its own; and what programs need. */
export const servedLink = z
  .object({
    url: z.string().describe('Signs one browser in there, once and within a minute.'),
    expiresAt: time,
    address: z.string().describe('Stays the same for ever.'),
    programAddress: z
      .string()
      .describe('The same for programs that know no names below `localhost`; the token stands in a header there.'),
    token: z
      .string()
      .describe('For programs of the caller, at this address only: `Authorization: Bearer …`, or `?token=…`.'),
  })
  .meta({ id: 'ServedLink' })

export type ServedLink = z.infer<typeof servedLink>
