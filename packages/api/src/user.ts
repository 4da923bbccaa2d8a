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

/** Length is what makes a password hard to guess (NIST SP 800-63B, section 3.1.1); nothing else is asked of it. */
export const newPassword = z
  .string()
  .min(12)
  .max(256)
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'a password has no control characters')
  .describe('At least 12 characters.')

/** Who a key or a session speaks for. */
export const identity = z
  .object({
    user,
    team: z.object({ id, name: displayName }),
    role: z.enum(['admin', 'member']).describe('In this team: an admin also changes the team and its members.'),
    key: z
      .object({ id, name: z.string(), expiresAt: time.nullable() })
      .nullable()
      .describe('The key, or the one that the session was made with. Null: the session was made with a password.'),
    session: z.object({ id, expiresAt: time }).nullable().describe('Null: a key asks for itself.'),
    hasPassword: z.boolean().describe('Whether the user has a password to sign in with.'),
  })
  .meta({ id: 'Identity' })

export type Identity = z.infer<typeof identity>

export const userRoutes = {
  me: route({
    method: 'GET',
    path: '/api/v1/me',
    about: 'Who the key or the session speaks for, and in which team.',
    access: 'member',
    response: identity,
  }),
  rename: route({
    method: 'PATCH',
    path: '/api/v1/me',
    about: 'Changes your name: how others see you, and how you sign in with a password.',
    access: 'member',
    body: z.strictObject({ name: displayName }),
    response: identity,
    errors: ['name_taken'],
  }),
  setPassword: route({
    method: 'PUT',
    path: '/api/v1/me/password',
    about: 'Sets or changes your password. All your other sessions end.',
    access: 'member',
    body: z.strictObject({
      password: newPassword,
      current: z.string().max(256).optional().describe('The present one: a session has to give it, a key need not.'),
    }),
    response: z.object({ changed: z.literal(true) }),
    errors: ['wrong_password', 'too_many_attempts'],
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
