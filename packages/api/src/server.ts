import { z } from 'zod'
import { displayName, id, time } from './fields.ts'
import { machineUse, metricQuery, metricRange } from './metric.ts'
import { pageOf, route } from './route.ts'

export const finding = z
  .object({
    level: z.enum(['ok', 'warning', 'problem']),
    topic: z.string(),
    message: z.string(),
    hint: z.string().optional(),
  })
  .meta({ id: 'Finding' })

export type Finding = z.infer<typeof finding>

/** A job that waits for a place on the machine. */
export const queuedJob = z
  .object({
    job: z.object({ id, name: displayName }),
    project: z.object({ id, name: displayName }),
    machineType: z.string(),
    position: z.number().int().describe('1 is next. Jobs of other teams are counted, and not shown.'),
    why: z.string().describe('What it waits for.'),
    createdAt: time,
  })
  .meta({ id: 'QueuedJob' })

export type QueuedJob = z.infer<typeof queuedJob>

/** The server itself: is it up, is it well, what does it offer. */
export const serverRoutes = {
  live: route({
    method: 'GET',
    path: '/healthz',
    about: 'Answers while the process runs.',
    access: 'anyone',
    response: z.object({ status: z.literal('ok'), version: z.string() }),
  }),
  ready: route({
    method: 'GET',
    path: '/readyz',
    about: 'Answers 200 when the server can take work, 503 when not.',
    access: 'anyone',
    response: z.object({ status: z.literal('ready') }),
    errors: ['busy'],
  }),
  metrics: route({
    method: 'GET',
    path: '/metrics',
    about: 'Figures of the server for Prometheus.',
    access: 'member',
    response: { stream: 'text', about: 'Prometheus text format.' },
  }),
  doctor: route({
    method: 'GET',
    path: '/api/v1/doctor',
    about: 'What this machine allows and what it does not, with what to do about it.',
    access: 'member',
    response: z.object({ version: z.string(), findings: z.array(finding) }),
  }),
  machine: route({
    method: 'GET',
    path: '/api/v1/machine',
    about: 'What the machine does now, and what of it is given out.',
    access: 'member',
    response: machineUse,
  }),
  followMachine: route({
    method: 'GET',
    path: '/api/v1/machine/stream',
    about: 'The same, every two seconds. It begins with the present; there is nothing to resume.',
    access: 'member',
    response: { stream: 'events', event: machineUse },
  }),
  machineMetrics: route({
    method: 'GET',
    path: '/api/v1/machine/metrics',
    about: 'What the machine did over time: processor, memory, load, disk and GPUs.',
    access: 'member',
    query: metricQuery,
    response: metricRange,
  }),
  queue: route({
    method: 'GET',
    path: '/api/v1/queue',
    about: 'The jobs that wait, in the order of the queue, with what they wait for: those at its head.',
    access: 'member',
    query: z.object({ limit: z.coerce.number().int().min(1).max(200).default(50).describe('Most jobs to tell.') }),
    response: pageOf(queuedJob),
  }),
  openapi: route({
    method: 'GET',
    path: '/openapi.json',
    about: 'This API as OpenAPI 3.1.',
    access: 'anyone',
    response: { stream: 'text', about: 'JSON.' },
  }),
  reference: route({
    method: 'GET',
    path: '/docs',
    about: 'The reference of this API, to read.',
    access: 'anyone',
    response: { stream: 'text', about: 'HTML.' },
  }),
}
