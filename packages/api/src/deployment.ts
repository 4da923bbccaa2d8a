import { z } from 'zod'
import { author, byDeployment, deploymentReachRoutes } from './deployment-reach.ts'
import { deploymentSpec } from './deployment-spec.ts'
import { deploymentLimits, deploymentState } from './deployment-state.ts'
import { displayName, flag, id, tags, time } from './fields.ts'
import { job } from './job.ts'
import { pageOf, pageQuery, route } from './route.ts'

export { type DeploymentInstance, type DeploymentRevision, instance, revision } from './deployment-reach.ts'
export {
  autoscaling,
  type Autoscaling,
  type DeploymentAuth,
  deploymentAuth,
  deploymentFile,
  type DeploymentGuard,
  type DeploymentSpec,
  deploymentSpec,
  healthCheck,
  type HealthCheck,
  healthChecks,
  type HealthChecks,
} from './deployment-spec.ts'
export {
  deploymentCan,
  deploymentLimits,
  type DeploymentSeries,
  deploymentSeries,
  type DeploymentState,
  deploymentState,
  deploymentStates,
  type InstanceState,
  instanceState,
  instanceStates,
  type RevisionState,
  revisionState,
  revisionStates,
} from './deployment-state.ts'

export const deployment = z
  .object({
    id,
    name: displayName,
    project: z.object({ id, name: displayName }),
    state: deploymentState,
    reason: z.string().nullable().describe('Why it is in this state, in a sentence, where there is more to say.'),
    revision: z.number().int().describe('The newest.'),
    serving: z.number().int().nullable().describe('The revision that answers; null: none has been ready yet.'),
    rollout: z
      .object({
        revision: z.number().int(),
        state: z.enum(['rolling', 'canary', 'failed']),
        reason: z.string().nullable(),
        lastLines: z.array(z.string()).describe('Of one that failed: the last lines of the log of its instance.'),
        canaryPercent: z.number().nullable(),
      })
      .nullable()
      .describe('How far the newest revision is, unless it answers all requests.'),
    shadow: z.boolean().describe('The newest revision gets copies of requests, and nobody its answers.'),
    instances: z.object({
      wanted: z.number().int(),
      ready: z.number().int(),
      all: z.number().int().describe('With those that come and go.'),
    }),
    spec: deploymentSpec.describe('Of the newest revision. A password is never shown.'),
    models: job.shape.models,
    address: z.string().nullable().describe('For browsers and programs. Null: your browser has no way there.'),
    path: z.string().describe('Where programs send requests, on the address of this server.'),
    tags,
    note: z.string().describe('Markdown.'),
    createdBy: author,
    createdAt: time,
    updatedAt: time,
    startedAt: time.nullable().describe('When somebody started it last; null: it is stopped.'),
  })
  .meta({ id: 'Deployment' })

export type Deployment = z.infer<typeof deployment>

/** A row of a list: a deployment without its long fields. */
export const deploymentSummary = deployment
  .omit({ spec: true, models: true, note: true, shadow: true })
  .extend({
    serves: z.string().describe('The model, the image, or the first 200 characters of the command.'),
    machineType: z.string(),
    requestRate: z.number().describe('Requests per second in the last ten seconds.'),
  })
  .meta({ id: 'DeploymentSummary' })

export type DeploymentSummary = z.infer<typeof deploymentSummary>

const note = z.string().max(deploymentLimits.noteLength).describe('Markdown.')
const cliCommand = z.string().max(100_000).optional().describe('The command line that asks for it, kept as it is.')

const rollout = {
  canaryPercent: z
    .number()
    .min(1)
    .max(99)
    .optional()
    .describe('The new revision gets this share of the requests until it is promoted.'),
  shadow: z
    .boolean()
    .default(false)
    .describe('The new revision gets copies of requests until it is promoted; its answers are only measured.'),
}

/** A deployment as it is asked for: its spec, and what it is called. */
export const createDeployment = deploymentSpec.extend({
  name: displayName.optional().describe('Made up if left out; no two of a team have the same.'),
  project: z
    .string()
    .min(1)
    .max(200)
    .describe('Name or id of the project; a name that is not there yet makes the project.'),
  tags: tags.default([]),
  note: note.default(''),
  start: z.boolean().default(true).describe('Start it at once.'),
  cliCommand,
})

const optional = Object.fromEntries(
  Object.entries(deploymentSpec.shape).map(([name, field]) => [name, withoutDefault(field).optional()]),
) as unknown as { [K in keyof typeof deploymentSpec.shape]: z.ZodOptional<(typeof deploymentSpec.shape)[K]> }

/** A field that is left out in a change stays as it was, and does not fall back to its default. */
function withoutDefault(field: z.ZodType): z.ZodType {
  return field instanceof z.ZodDefault || field instanceof z.ZodPrefault ? (field.unwrap() as z.ZodType) : field
}

/** What is to be otherwise; what is left out stays as it is. */
export const updateDeployment = z.strictObject({
  ...optional,
  name: displayName.optional(),
  tags: tags.optional(),
  note: note.optional(),
  ...rollout,
  cliCommand,
})

const filters = z.object({
  project: z.string().max(200).optional().describe('Only those of this project (name or id).'),
  tag: z.string().max(60).optional().describe('Only those with this tag.'),
  name: z.string().max(100).optional().describe('Only those whose name begins so.'),
})

const specErrors = [
  'not_found',
  'unknown_machine_type',
  'image_not_supported',
  'unknown_secret',
  'unknown_version',
  'unknown_model_version',
  'model_not_allowed',
  'conflict',
  'bad_path',
  'bad_deployment',
  'name_taken',
  'disk_full',
] as const

export const deploymentRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/deployments',
    about: 'The deployments of the team, newest first.',
    access: 'member',
    query: pageQuery.extend({
      ...filters.shape,
      state: z
        .union([deploymentState, z.array(deploymentState).min(1).max(10)])
        .optional()
        .describe('Only those in this state; may be given several times.'),
    }),
    response: pageOf(deploymentSummary),
    errors: ['not_found'],
  }),
  counts: route({
    method: 'GET',
    path: '/api/v1/deployment-counts',
    about: 'How many deployments there are in each state.',
    access: 'member',
    query: filters,
    response: z.object({ total: z.number().int(), byState: z.record(deploymentState, z.number().int()) }),
    errors: ['not_found'],
  }),
  create: route({
    method: 'POST',
    path: '/api/v1/deployments',
    about: 'Makes a deployment, and starts it unless it is only to be made.',
    access: 'member',
    body: createDeployment,
    response: deployment,
    errors: specErrors,
  }),
  show: route({
    method: 'GET',
    path: '/api/v1/deployments/:deployment',
    about: 'One deployment.',
    access: 'member',
    params: byDeployment,
    response: deployment,
    errors: ['not_found'],
  }),
  update: route({
    method: 'PATCH',
    path: '/api/v1/deployments/:deployment',
    about:
      'Changes a deployment. What changes its spec makes a revision, whose instances take over one by one as they ' +
      'are ready; if they do not come up, the revision before goes on answering.',
    access: 'member',
    params: byDeployment,
    body: updateDeployment,
    response: deployment,
    errors: specErrors,
  }),
  replace: route({
    method: 'PUT',
    path: '/api/v1/deployments/:deployment/spec',
    about: 'Makes a revision of a whole spec, as of a file: what is left out has its default.',
    access: 'member',
    params: byDeployment,
    body: deploymentSpec.extend({ ...rollout, cliCommand }),
    response: deployment,
    errors: specErrors,
  }),
  scale: route({
    method: 'POST',
    path: '/api/v1/deployments/:deployment/scale',
    about: 'Changes how many instances there are. This makes no revision.',
    access: 'member',
    params: byDeployment,
    body: z.strictObject({ instances: deploymentSpec.shape.instances.unwrap() }),
    response: deployment,
    errors: ['not_found', 'conflict', 'bad_deployment'],
  }),
  start: route({
    method: 'POST',
    path: '/api/v1/deployments/:deployment/start',
    about: 'Starts a deployment that is stopped. Nothing happens if it is not.',
    access: 'member',
    params: byDeployment,
    response: deployment,
    errors: ['not_found', 'disk_full', 'model_not_allowed'],
  }),
  stop: route({
    method: 'POST',
    path: '/api/v1/deployments/:deployment/stop',
    about: 'Stops all instances once they have finished their requests. Its address stays its own.',
    access: 'member',
    params: byDeployment,
    response: deployment,
    errors: ['not_found'],
  }),
  restart: route({
    method: 'POST',
    path: '/api/v1/deployments/:deployment/restart',
    about: 'Makes a revision that is the same, so that all instances are replaced one by one.',
    access: 'member',
    params: byDeployment,
    response: deployment,
    errors: specErrors,
  }),
  rollback: route({
    method: 'POST',
    path: '/api/v1/deployments/:deployment/rollback',
    about: 'Brings back an earlier revision, as a new one. Its instances take over as those of any change do.',
    access: 'member',
    params: byDeployment,
    body: z.strictObject({
      revision: z.number().int().min(1).optional().describe('The one that answered before, if left out.'),
    }),
    response: deployment,
    errors: specErrors,
  }),
  promote: route({
    method: 'POST',
    path: '/api/v1/deployments/:deployment/promote',
    about: 'Lets a revision that is a canary or a shadow answer all requests.',
    access: 'member',
    params: byDeployment,
    response: deployment,
    errors: ['not_found', 'conflict'],
  }),
  delete: route({
    method: 'DELETE',
    path: '/api/v1/deployments/:deployment',
    about: 'Deletes a deployment with its history and its logs.',
    access: 'member',
    params: byDeployment,
    query: z.object({ force: flag.default(false).describe('Also one that is not stopped: requests are cut off.') }),
    response: z.object({ deleted: z.literal(true) }),
    errors: ['not_found', 'conflict'],
  }),
  wait: route({
    method: 'GET',
    path: '/api/v1/deployments/:deployment/wait',
    about:
      'Answers when the newest revision answers all requests or has failed, or the deployment is stopped; or with ' +
      'how it is after `seconds`.',
    access: 'member',
    params: byDeployment,
    query: z.object({ seconds: z.coerce.number().min(0).max(60).default(30) }),
    response: deployment,
    errors: ['not_found'],
  }),
  ...deploymentReachRoutes,
}
