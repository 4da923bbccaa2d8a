import { z } from 'zod'
import { displayName, id, programText, time } from './fields.ts'
import { pageOf, pageQuery, route } from './route.ts'

/** `docker.io`, `ghcr.io`, `registry.example.com:5000`: as it stands in front of an image. */
export const registryHost = z
  .string()
  .min(1)
  .max(253)
  .regex(
    /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/,
    'the name of a host, with a port if need be: ghcr.io',
  )

const username = programText.min(1).max(200).describe('User name, or what the registry wants in its place.')
const password = programText.min(1).max(16_384).describe('Password or token. It is never shown again.')

/** A login for one try: with a job, not stored by name. */
export const registryLogin = z.strictObject({ username, password })

/** A login for a registry of container images that is stored by name. */
export const registry = z
  .object({
    id,
    name: displayName,
    host: z.string().describe('Images there are pulled with it.'),
    username: z.string(),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: 'Registry' })

export type Registry = z.infer<typeof registry>

const byRegistry = z.object({ registry: z.string().min(1).max(200).describe('Name or id of the registry.') })

export const registryRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/registries',
    about: 'The registries that the team has logins for. A password is never shown.',
    access: 'member',
    query: pageQuery,
    response: pageOf(registry),
  }),
  create: route({
    method: 'POST',
    path: '/api/v1/registries',
    about: 'Stores a login for a registry of container images. Jobs of the team use it for images there.',
    access: 'member',
    body: z.strictObject({ name: displayName, host: registryHost, username, password }),
    response: registry,
    errors: ['name_taken'],
  }),
  show: route({
    method: 'GET',
    path: '/api/v1/registries/:registry',
    about: 'One registry, without its password.',
    access: 'member',
    params: byRegistry,
    response: registry,
    errors: ['not_found'],
  }),
  update: route({
    method: 'PATCH',
    path: '/api/v1/registries/:registry',
    about: 'Renames a registry, or replaces its login. To a new host goes a new password.',
    access: 'member',
    params: byRegistry,
    body: z.strictObject({
      name: displayName.optional(),
      host: registryHost.optional(),
      username: username.optional(),
      password: password.optional(),
    }),
    response: registry,
    errors: ['not_found', 'name_taken', 'conflict'],
  }),
  delete: route({
    method: 'DELETE',
    path: '/api/v1/registries/:registry',
    about: 'Deletes the login. Images that are here stay.',
    access: 'member',
    params: byRegistry,
    response: z.object({ deleted: z.literal(true) }),
    errors: ['not_found'],
  }),
}
