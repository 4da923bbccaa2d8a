import { z } from 'zod'
import { id, programText, time, variableName } from './fields.ts'
import { pageOf, pageQuery, route } from './route.ts'

/** A value that jobs receive and nobody reads back. */
export const secret = z
  .object({
    name: variableName,
    project: z.object({ id, name: z.string() }).nullable().describe('Null: for every project of the team.'),
    updatedAt: time,
  })
  .meta({ id: 'Secret' })

export type Secret = z.infer<typeof secret>

const bySecret = z.object({ name: variableName.describe('Name of the secret.') })
const scope = z.object({
  project: z.string().max(200).optional().describe('Name or id of a project; left out: the whole team.'),
})

export const secretRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/secrets',
    about: 'Names of the secrets. A value is never shown.',
    access: 'member',
    query: pageQuery.extend(scope.shape),
    response: pageOf(secret),
    errors: ['not_found'],
  }),
  set: route({
    method: 'PUT',
    path: '/api/v1/secrets/:name',
    about: 'Sets or replaces a secret. A secret of a project is taken before one of the team.',
    access: 'member',
    params: bySecret,
    query: scope,
    body: z.strictObject({ value: programText.min(1).max(65_536) }),
    response: secret,
    errors: ['not_found'],
  }),
  delete: route({
    method: 'DELETE',
    path: '/api/v1/secrets/:name',
    about: 'Deletes a secret.',
    access: 'member',
    params: bySecret,
    query: scope,
    response: z.object({ deleted: z.literal(true) }),
    errors: ['not_found'],
  }),
}
