import { z } from 'zod'
import { displayName, id, time } from './fields.ts'
import { pageOf, pageQuery, route } from './route.ts'

export const user = z
  .object({
    id,
    name: displayName,
    createdAt: time,
  })
  .meta({ id: 'User' })

export type User = z.infer<typeof user>

/** Who a key speaks for. */
export const identity = z
  .object({
    user,
    team: z.object({ id, name: displayName }),
    role: z.enum(['admin', 'member']).describe('In this team.'),
    key: z.object({ id, name: z.string(), expiresAt: time.nullable() }),
  })
  .meta({ id: 'Identity' })

export type Identity = z.infer<typeof identity>

export const userRoutes = {
  me: route({
    method: 'GET',
    path: '/api/v1/me',
    about: 'Who the key speaks for, and in which team.',
    access: 'member',
    response: identity,
  }),
  list: route({
    method: 'GET',
    path: '/api/v1/users',
    about: 'The people of the team.',
    access: 'member',
    query: pageQuery,
    response: pageOf(user),
  }),
}
