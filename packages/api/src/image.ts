import { z } from 'zod'
import { sizeBytes, time } from './fields.ts'
import { pageOf, route } from './route.ts'

/** A container image on the machine, or one that is to be there. */
export const image = z
  .object({
    id: z.string().nullable().describe('`sha256:` and the digest of its settings; null while it is not here.'),
    engine: z.string().describe('The engine that has it.'),
    names: z.array(z.string()),
    sizeBytes,
    createdAt: time.nullable(),
    usedAt: time.nullable().describe('When a job used it last, or it was fetched. Null: not by this server.'),
    ours: z.boolean().describe('Fetched or built for jobs of this server.'),
    containers: z.number().int().describe('Containers that use it; while there are any, it stays.'),
    wantedBy: z
      .array(z.string())
      .describe('Who wants it here before a job asks for it: `machine type G1`, `project digits`. It stays as long.'),
    problem: z.string().nullable().describe('Why it could not be fetched ahead.'),
  })
  .meta({ id: 'Image' })

export type Image = z.infer<typeof image>

export const imageRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/images',
    about: 'The container images of this machine, largest first. Private ones are shown to who has a login for them.',
    access: 'member',
    response: pageOf(image),
    errors: ['engine_away'],
  }),
  delete: route({
    method: 'DELETE',
    path: '/api/v1/images/:image',
    about: 'Deletes an image from this machine. The next job that wants it fetches it again.',
    access: 'admin',
    params: z.object({ image: z.string().min(1).max(500).describe('Name or id of the image.') }),
    response: z.object({ deleted: z.literal(true) }),
    errors: ['not_found', 'conflict', 'engine_away'],
  }),
  prune: route({
    method: 'POST',
    path: '/api/v1/images/prune',
    about: 'Deletes now what the rule of this server does not keep.',
    access: 'admin',
    response: z.object({ deleted: z.array(z.string()), freedBytes: sizeBytes }),
    errors: ['engine_away'],
  }),
}
