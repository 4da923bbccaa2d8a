import { z } from 'zod'
import { relativePath, time } from './fields.ts'

/** Which file a browser is to show. */
export const showFile = z.strictObject({ path: relativePath.min(1).describe('The file, or a folder of a page.') })

/**
 * An address at which a browser may show a file that a user made, for a few minutes: on an origin of its own, where
 * no script runs and nobody is signed in.
 */
export const contentLink = z
  .object({
    url: z.string().describe('Whoever has it may read the file until then; it needs no key.'),
    expiresAt: time,
  })
  .meta({ id: 'ContentLink' })

export type ContentLink = z.infer<typeof contentLink>
