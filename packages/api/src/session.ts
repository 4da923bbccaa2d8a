import { z } from 'zod'
import { displayName, id, reference, time } from './fields.ts'
import { pageOf, pageQuery, route } from './route.ts'
import { identity } from './user.ts'

/** A browser that is signed in. Its cookie carries a token of which the server keeps a hash. */
export const session = z
  .object({
    id,
    team: z.object({ id, name: displayName }).describe('The team that it acts in now.'),
    key: z
      .object({ id, name: displayName })
      .nullable()
      .describe('The key that it signed in with, and ends with. Null: a password.'),
    agent: z.string().describe('What the browser says it is.'),
    address: z.string().describe('Where it signed in from.'),
    current: z.boolean().describe('Whether it is the one that asks.'),
    createdAt: time,
    lastUsedAt: time,
    expiresAt: time.describe('When it ends unless it is used again; a month after its start in any case.'),
  })
  .meta({ id: 'Session' })

export type Session = z.infer<typeof session>

const team = reference.describe('Name or id of one of your teams.')

/** One of three ways to say who one is; none has a field of another. */
const credentials = z
  .union([
    z.strictObject({ key: z.string().min(1).max(200).describe('An API key.') }),
    z.strictObject({ code: z.string().min(1).max(200).describe('A code of `nabla open`, good for one sign-in.') }),
    z.strictObject({
      name: z.string().min(1).max(100).describe('Name of the user.'),
      password: z.string().min(1).max(256),
      team: team.optional().describe('The team to act in; the one joined first if left out.'),
    }),
  ])
  .meta({ id: 'Credentials' })

export const sessionRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/sessions',
    about: 'Your sessions: the browsers in which you are signed in.',
    access: 'member',
    query: pageQuery,
    response: pageOf(session),
  }),
  signIn: route({
    method: 'POST',
    path: '/api/v1/sessions',
    about: 'Signs a browser in, with a key, a password or a code. Sets the cookie that stands for you from then on.',
    access: 'anyone',
    body: credentials,
    response: identity,
    errors: [
      'invalid',
      'unauthenticated',
      'key_expired',
      'wrong_password',
      'wrong_code',
      'no_team',
      'not_found',
      'too_many_attempts',
    ],
  }),
  signOut: route({
    method: 'DELETE',
    path: '/api/v1/sessions/current',
    about: 'Ends the session of this browser.',
    access: 'member',
    response: z.object({ ended: z.literal(true) }),
    errors: ['no_session'],
  }),
  switchTeam: route({
    method: 'POST',
    path: '/api/v1/sessions/current/team',
    about: 'From here on this session acts in another of your teams.',
    access: 'member',
    body: z.strictObject({ team }),
    response: identity,
    errors: ['no_session', 'not_found'],
  }),
  end: route({
    method: 'DELETE',
    path: '/api/v1/sessions/:session',
    about: 'Ends one of your sessions, at once.',
    access: 'member',
    params: z.object({ session: reference.describe('Id of the session.') }),
    response: z.object({ ended: z.literal(true) }),
    errors: ['not_found'],
  }),
  createCode: route({
    method: 'POST',
    path: '/api/v1/sessions/codes',
    about: 'Makes a code that signs one browser in as this key, once and within ten minutes.',
    access: 'member',
    response: z.object({ code: z.string(), expiresAt: time }),
    errors: ['forbidden'],
  }),
}
