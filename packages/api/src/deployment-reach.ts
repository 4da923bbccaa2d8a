import { z } from 'zod'
import { deploymentSpec } from './deployment-spec.ts'
import { instanceState, revisionState } from './deployment-state.ts'
import { displayName, id, time } from './fields.ts'
import { job } from './job.ts'
import { logBlock, logLine, logSource } from './log.ts'
import { metricFollow, metricQuery, metricRange, metricTick } from './metric.ts'
import { pageOf, pageQuery, route } from './route.ts'
import { openServed, servedLink } from './served.ts'

/** Who made something. */
export const author = z.object({ id, name: displayName })

/** One field that a revision has otherwise than the one before. */
const fieldChange = z.object({
  field: z.string().describe('Its place in the spec, such as `env.LEVEL`.'),
  before: z.unknown().optional().describe('Left out where there was nothing.'),
  after: z.unknown().optional().describe('Left out where there is nothing any more.'),
})

/** A deployment as it was asked for at one time. Every change makes another. */
export const revision = z
  .object({
    number: z.number().int().describe('1 for the first.'),
    state: revisionState,
    reason: z.string().nullable().describe('Why it failed, in a sentence.'),
    lastLines: z.array(z.string()).describe('Of one that failed: the last lines of the log of its instance.'),
    spec: deploymentSpec,
    models: job.shape.models.describe('The versions of models that were chosen for it.'),
    changes: z.array(fieldChange).describe('What is otherwise than in the one before.'),
    restoredFrom: z.number().int().nullable().describe('The revision that it brought back.'),
    cliCommand: z.string().nullable(),
    createdBy: author,
    createdAt: time,
  })
  .meta({ id: 'DeploymentRevision' })

export type DeploymentRevision = z.infer<typeof revision>

/** One copy of what a deployment runs. */
export const instance = z
  .object({
    id,
    name: displayName,
    revision: z.number().int(),
    state: instanceState,
    reason: z.string().nullable(),
    restarts: z.number().int().describe('How often its command was started again.'),
    machineType: z.string(),
    port: z.number().int(),
    outstanding: z.number().int().describe('Requests and sockets under way.'),
    createdAt: time,
    startedAt: time.nullable(),
    readyAt: time.nullable().describe('Since when it is ready; null: it is not.'),
    endedAt: time.nullable(),
  })
  .meta({ id: 'DeploymentInstance' })

export type DeploymentInstance = z.infer<typeof instance>

const reference = z.string().min(1).max(200)
/** Names one deployment. */
export const byDeployment = z.object({ deployment: reference.describe('Id or name of the deployment.') })
const byInstance = byDeployment.extend({ instance: reference.describe('Id or name of the instance.') })

/** What a deployment was and does: its revisions, instances, logs and figures, and requests to it. */
export const deploymentReachRoutes = {
  revisions: route({
    method: 'GET',
    path: '/api/v1/deployments/:deployment/revisions',
    about: 'Every revision, newest first: who made it, and what it changed.',
    access: 'member',
    params: byDeployment,
    query: pageQuery,
    response: pageOf(revision),
    errors: ['not_found'],
  }),
  instances: route({
    method: 'GET',
    path: '/api/v1/deployments/:deployment/instances',
    about: 'Its instances, newest first; with the last ones that have ended.',
    access: 'member',
    params: byDeployment,
    response: z.object({ items: z.array(instance) }),
    errors: ['not_found'],
  }),
  logs: route({
    method: 'GET',
    path: '/api/v1/deployments/:deployment/instances/:instance/logs',
    about: 'Lines of the log of one instance, oldest first.',
    access: 'member',
    params: byInstance,
    query: z.object({
      after: z.coerce.number().int().min(0).optional().describe('Only lines after this number.'),
      tail: z.coerce.number().int().min(0).max(10_000).optional().describe('The last lines instead.'),
      source: logSource.optional(),
      limit: z.coerce.number().int().min(1).max(10_000).default(1000),
    }),
    response: z.object({
      items: z.array(logLine),
      next: z.number().int().describe('Pass it as `after` for what follows.'),
      ended: z.boolean().describe('No more lines will come.'),
    }),
    errors: ['not_found'],
  }),
  followLogs: route({
    method: 'GET',
    path: '/api/v1/deployments/:deployment/instances/:instance/logs/stream',
    about: 'The log of one instance as it is written, until it has ended. Resume with Last-Event-ID or `after`.',
    access: 'member',
    params: byInstance,
    query: z.object({ after: z.coerce.number().int().min(0).optional(), source: logSource.optional() }),
    response: { stream: 'events', event: logBlock },
    errors: ['not_found'],
  }),
  instanceMetrics: route({
    method: 'GET',
    path: '/api/v1/deployments/:deployment/instances/:instance/metrics',
    about: 'What an instance uses and used.',
    access: 'member',
    params: byInstance,
    query: metricQuery,
    response: metricRange,
    errors: ['not_found'],
  }),
  metrics: route({
    method: 'GET',
    path: '/api/v1/deployments/:deployment/metrics',
    about: 'Rate, latency and errors of its requests over time, for each revision (`labels.revision`).',
    access: 'member',
    params: byDeployment,
    query: metricQuery,
    response: metricRange,
    errors: ['not_found'],
  }),
  followMetrics: route({
    method: 'GET',
    path: '/api/v1/deployments/:deployment/metrics/stream',
    about: 'The same as it is measured. Resume with Last-Event-ID or `after`.',
    access: 'member',
    params: byDeployment,
    query: metricFollow,
    response: { stream: 'events', event: metricTick },
    errors: ['not_found'],
  }),
  open: route({
    method: 'POST',
    path: '/api/v1/deployments/:deployment/open',
    about: 'An address at which a browser opens what the deployment serves, signed in.',
    access: 'member',
    params: byDeployment,
    body: openServed,
    response: servedLink,
    errors: ['not_found', 'no_served_origin'],
  }),
  send: route({
    method: 'POST',
    path: '/api/v1/deployments/:deployment/send',
    about: 'Sends one request to the deployment as its gateway would, and tells its answer: for forms and trials.',
    access: 'member',
    params: byDeployment,
    body: z.strictObject({
      method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']).default('POST'),
      path: openServed.shape.path,
      headers: z.record(z.string().max(200), z.string().max(8000)).default({}),
      body: z.string().max(4_000_000).nullable().default(null),
    }),
    response: z.object({
      status: z.number().int(),
      headers: z.record(z.string(), z.string()),
      body: z.string().describe('At most 1 MB; bytes that are not UTF-8 are replaced.'),
      truncated: z.boolean(),
      durationMs: z.number(),
      revision: z.number().int().nullable().describe('Which one answered; null: none did.'),
      curl: z.string().describe('A command line that sends the same with your key in $NABLA_API_KEY.'),
    }),
    errors: ['not_found'],
  }),
}
