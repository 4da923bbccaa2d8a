import { z } from 'zod'
import { id, time } from './fields.ts'
import { pageOf, route } from './route.ts'

/** Something that happened to a resource. The past tense names it: `job.started`. */
export const event = z
  .object({
    seq: z.number().int().describe('Grows by one with every event of the server.'),
    at: time,
    type: z.string(),
    subject: z.string().describe('Id of the resource.'),
    projectId: id.nullable(),
    actor: z.string().nullable().describe('Name of the user who did it; null: the server itself.'),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Event' })

export type Event = z.infer<typeof event>

const which = z.object({
  subject: z.string().max(100).optional().describe('Only those of this resource.'),
  project: z.string().max(200).optional().describe('Only those of this project (name or id).'),
  type: z
    .string()
    .max(60)
    .regex(/^[a-z][a-z_-]*(\.[a-z_]+)?$/, 'a noun, or a noun and what happened: `job`, `job.failed`')
    .optional()
    .describe('Only those of this noun (`job`), or this type (`job.failed`).'),
  actor: z.string().max(200).optional().describe('Only what this user did; `server`: what nobody did.'),
  after: z.coerce.number().int().min(0).optional().describe('Only those with a greater `seq`.'),
})

export const eventRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/events',
    about: 'What happened, oldest first; without `after`, the latest ones, or the latest before `before`.',
    access: 'member',
    query: which.extend({
      before: z.coerce.number().int().min(1).optional().describe('Only those with a smaller `seq`.'),
      limit: z.coerce.number().int().min(1).max(200).default(50),
    }),
    response: pageOf(event),
    errors: ['not_found'],
  }),
  stream: route({
    method: 'GET',
    path: '/api/v1/events/stream',
    about: 'What happens, as it happens. Resume with Last-Event-ID or `after`.',
    access: 'member',
    query: which,
    response: { stream: 'events', event },
    errors: ['not_found'],
  }),
}
