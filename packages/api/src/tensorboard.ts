import { z } from 'zod'
import { displayName, id, time } from './fields.ts'
import { pageOf, pageQuery, route } from './route.ts'
import { openServed, servedLink } from './served.ts'
import { tensorboardLimits, type TensorboardState, tensorboardStates } from './tensorboard-states.ts'

export * from './tensorboard-states.ts'

export const tensorboardState = z.enum(Object.keys(tensorboardStates) as [TensorboardState, ...TensorboardState[]])

const named = z.object({ id, name: displayName })

export const tensorboard = z
  .object({
    id,
    name: displayName,
    project: named,
    state: tensorboardState,
    reason: z.string().nullable().describe('Why it is in this state, in a sentence, where there is more to say.'),
    jobs: z.array(named).describe('It shows the artifacts of these; one that is deleted is left out.'),
    experiments: z.array(named).describe('And those of all jobs of these.'),
    idleMinutes: z.number().int().describe('It stops when nobody has used it for so long.'),
    address: z.string().nullable().describe('Where browsers find it; null where the server has no such addresses.'),
    createdBy: named,
    createdAt: time,
    startedAt: time.nullable().describe('When it began to run last.'),
    usedAt: time.describe('When somebody used it last, to the minute.'),
    endedAt: time.nullable(),
  })
  .meta({ id: 'Tensorboard' })

export type Tensorboard = z.infer<typeof tensorboard>

const byTensorboard = z.object({ tensorboard: z.string().min(1).max(200).describe('Id or name of the TensorBoard.') })

const sources = z.array(z.string().min(1).max(200)).max(tensorboardLimits.sources).default([])

export const tensorboardRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/tensorboards',
    about: 'The TensorBoards of the team, newest first.',
    access: 'member',
    query: pageQuery.extend({
      project: z.string().max(200).optional().describe('Only those of this project (name or id).'),
    }),
    response: pageOf(tensorboard),
    errors: ['not_found'],
  }),
  create: route({
    method: 'POST',
    path: '/api/v1/tensorboards',
    about: 'Starts a TensorBoard that shows the artifacts of jobs and of the jobs of experiments, running ones too.',
    access: 'member',
    body: z.strictObject({
      name: displayName.optional().describe('Made up if left out.'),
      jobs: sources.describe('Ids or names of jobs.'),
      experiments: sources.describe('Ids or names of experiments: the artifacts of all of their jobs.'),
      idleMinutes: z
        .number()
        .int()
        .min(5)
        .max(7 * 24 * 60)
        .default(60)
        .describe('It stops when nobody has used it for so long.'),
    }),
    response: tensorboard,
    errors: ['not_found', 'conflict'],
  }),
  show: route({
    method: 'GET',
    path: '/api/v1/tensorboards/:tensorboard',
    about: 'One TensorBoard.',
    access: 'member',
    params: byTensorboard,
    response: tensorboard,
    errors: ['not_found'],
  }),
  open: route({
    method: 'POST',
    path: '/api/v1/tensorboards/:tensorboard/open',
    about:
      'Where to open it in a browser. One that is stopped is started; one whose experiments have new jobs is started again, to show them.',
    access: 'member',
    params: byTensorboard,
    body: openServed,
    response: servedLink.extend({ tensorboard }),
    errors: ['not_found', 'no_served_origin', 'conflict'],
  }),
  start: route({
    method: 'POST',
    path: '/api/v1/tensorboards/:tensorboard/start',
    about: 'Starts one that is stopped.',
    access: 'member',
    params: byTensorboard,
    response: tensorboard,
    errors: ['not_found', 'conflict'],
  }),
  stop: route({
    method: 'POST',
    path: '/api/v1/tensorboards/:tensorboard/stop',
    about: 'Stops it. It keeps what it was made for, and can be started again.',
    access: 'member',
    params: byTensorboard,
    response: tensorboard,
    errors: ['not_found'],
  }),
  delete: route({
    method: 'DELETE',
    path: '/api/v1/tensorboards/:tensorboard',
    about: 'Stops and deletes it. Jobs and their artifacts stay.',
    access: 'member',
    params: byTensorboard,
    response: z.object({ deleted: z.literal(true) }),
    errors: ['not_found'],
  }),
}
