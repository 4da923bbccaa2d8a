import { z } from 'zod'
import { displayName, id, time } from './fields.ts'
import { pageOf, pageQuery, route } from './route.ts'

/** An API key. Its secret is shown once, when it is made; the server keeps a hash. */
export const key = z
  .object({
    id,
    name: displayName,
    team: z.object({ id, name: displayName }).describe('The team it acts in.'),
    prefix: z.string().describe('The first characters of the key, to tell keys apart.'),
    createdAt: time,
    lastUsedAt: time.nullable(),
    expiresAt: time.nullable().describe('Null: never.'),
  })
  .meta({ id: 'Key' })

export type Key = z.infer<typeof key>

export const keyRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/keys',
    about: 'Your keys that still work or have expired; revoked ones are gone.',
    access: 'member',
    query: pageQuery,
    response: pageOf(key),
  }),
  create: route({
    method: 'POST',
    path: '/api/v1/keys',
    about: 'Makes a key for yourself. Its secret is in the answer and nowhere else.',
    access: 'member',
    body: z.strictObject({
      name: displayName.describe('What to call it, such as the machine it is for.'),
      team: z
        .string()
        .max(100)
        .optional()
        .describe('Name or id of one of your teams; the one of this key if left out.'),
      expiresInDays: z.number().int().min(1).max(3650).optional().describe('Left out: it does not expire.'),
    }),
    response: key.extend({ secret: z.string() }),
    errors: ['not_found'],
  }),
  revoke: route({
    method: 'DELETE',
    path: '/api/v1/keys/:key',
    about: 'Revokes one of your keys, at once.',
    access: 'member',
    params: z.object({ key: z.string().max(100).describe('Id or name of the key.') }),
    response: z.object({ revoked: z.literal(true) }),
    errors: ['not_found', 'conflict'],
  }),
}
