import { z } from 'zod'
import { deploymentLimits } from './deployment-state.ts'
import { displayName, programText } from './fields.ts'
import { jobSpec } from './job.ts'
import { modelReference } from './model-reference.ts'

const urlPath = programText
  .min(1)
  .max(1000)
  .regex(/^\/(?!\/)[\u0021-\u007e]*$/, 'a path that begins with one slash')

/** One way to ask an instance how it is. */
export const healthCheck = z
  .strictObject({
    path: urlPath
      .nullable()
      .default(null)
      .describe('Asked for by GET; an answer from 200 to 399 is good. Null: it is enough that it listens.'),
    port: z.number().int().min(1).max(65_535).nullable().default(null).describe('Null: that of the deployment.'),
    periodSeconds: z.number().min(0.2).max(3600).default(5).describe('Pause between two checks.'),
    timeoutSeconds: z.number().min(0.1).max(300).default(3).describe('An answer that takes longer is none.'),
    failures: z.number().int().min(1).max(100).default(3).describe('So many bad answers in a row count.'),
  })
  .meta({ id: 'HealthCheck' })

export type HealthCheck = z.output<typeof healthCheck>

export const healthChecks = z
  .strictObject({
    readiness: healthCheck.prefault({}).describe('Whether it is sent requests.'),
    liveness: healthCheck.nullable().default(null).describe('One that fails is started again. Null: none.'),
    startup: healthCheck
      .nullable()
      .default(null)
      .describe('Asked first; the others begin once it was good. Null: they begin at once.'),
    startLimitSeconds: z
      .number()
      .int()
      .min(1)
      .max(86_400)
      .default(600)
      .describe('An instance that is not ready so long after its command began has failed.'),
  })
  .meta({ id: 'HealthChecks' })

export type HealthChecks = z.output<typeof healthChecks>

/** Who may send requests. */
export const deploymentAuth = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('keys') }).describe('API keys of the team.'),
    z
      .strictObject({
        kind: z.literal('basic'),
        username: z
          .string()
          .min(1)
          .max(100)
          .regex(/^[^:\u0000-\u001f\u007f]+$/, 'a name without colons'),
        password: programText
          .min(1)
          .max(1000)
          .optional()
          .describe('Never shown. `secret:NAME`: that secret. Left out in a change: it stays as it is.'),
      })
      .describe('One name and password, by HTTP Basic; API keys of the team too.'),
    z.strictObject({ kind: z.literal('public') }).describe('Anyone who reaches the server.'),
  ])
  .meta({ id: 'DeploymentAuth' })

export type DeploymentAuth = z.output<typeof deploymentAuth>

export const deploymentBounds = z
  .strictObject({
    bodyBytes: z
      .number()
      .int()
      .min(1)
      .max(2 ** 40)
      .default(64 * 2 ** 20)
      .describe('Largest body of a request.'),
    timeoutSeconds: z.number().min(0.1).max(86_400).default(300).describe('Until an answer begins.'),
    idleSeconds: z.number().min(1).max(86_400).default(900).describe('Silence within an answer or a socket.'),
    queue: z.number().int().min(0).max(10_000).default(200).describe('Requests that may wait for an instance.'),
    queueSeconds: z.number().min(0.1).max(3600).default(30).describe('How long one waits.'),
    perInstance: z
      .number()
      .int()
      .min(1)
      .max(10_000)
      .nullable()
      .default(null)
      .describe('Most requests under way at one instance; others wait. Null: no bound.'),
    rate: z
      .strictObject({ perSecond: z.number().min(0.01).max(1_000_000), burst: z.number().int().min(1).max(1_000_000) })
      .nullable()
      .default(null)
      .describe('Most requests of one key, or of one address where there is no key. Null: no bound.'),
  })
  .meta({ id: 'DeploymentBounds' })

/** When a new revision is taken back by itself. */
export const deploymentGuard = z
  .strictObject({
    errorShare: z.number().min(0).max(1).default(0.05).describe('Largest share of failed requests.'),
    latencyMs: z.number().min(1).max(3_600_000).nullable().default(null).describe('Largest p95. Null: any.'),
    windowSeconds: z.number().int().min(10).max(3600).default(60).describe('Measured over so long.'),
    requests: z.number().int().min(1).max(1_000_000).default(20).describe('Fewer requests than that tell nothing.'),
  })
  .meta({ id: 'DeploymentGuard' })

export type DeploymentGuard = z.output<typeof deploymentGuard>

const count = z.number().int().max(deploymentLimits.instances)

export const autoscaling = z
  .strictObject({
    min: count.min(0).default(1).describe('0: none while nothing is asked; the next request waits until one is up.'),
    max: count.min(1),
    metric: z
      .enum(['outstanding', 'rate', 'latency', 'cpu'])
      .default('outstanding')
      .describe('Of each instance: requests under way, requests per second, p95 in ms, or percent of its processors.'),
    target: z.number().min(0.01).max(1_000_000),
    cooldownSeconds: z.number().int().min(1).max(86_400).default(120).describe('Pause before there are fewer.'),
    idleSeconds: z.number().int().min(1).max(86_400).default(600).describe('Silence before there are none.'),
  })
  .meta({ id: 'Autoscaling' })

export type Autoscaling = z.output<typeof autoscaling>

const {
  command: _command,
  build: _build,
  ports: _ports,
  model: _model,
  artifactsDir: _artifactsDir,
  timeLimitSeconds: _timeLimit,
  retries: _retries,
  retryOn: _retryOn,
  datasets: _datasets,
  ...ofJob
} = jobSpec.shape

/** What a deployment is made of. A revision keeps it as it was, with versions of models and data as they were chosen. */
export const deploymentSpec = z
  .strictObject({
    model: modelReference
      .nullable()
      .default(null)
      .describe('Served by the built-in server, unless there is a command: then it is in `/models/<name>`.'),
    command: programText
      .min(1)
      .max(100_000)
      .nullable()
      .default(null)
      .describe('A shell command line that listens on `$PORT`. Null: the built-in server, for the model.'),
    port: z
      .number()
      .int()
      .min(1)
      .max(65_535)
      .nullable()
      .default(null)
      .describe(
        'What the command listens on. Null: `$PORT`, which Nabla chooses. On the machine itself, one with a port of ' +
          'its own has one instance at a time, and is stopped before its successor starts.',
      ),
    instances: count.min(0).default(1).describe('How many; 0: none.'),
    ...ofJob,
    healthChecks: healthChecks.prefault({}),
    auth: deploymentAuth.default({ kind: 'keys' }),
    bounds: deploymentBounds.prefault({}),
    drainSeconds: z
      .number()
      .min(0)
      .max(3600)
      .default(30)
      .describe('How long an instance that is to go may take to finish its requests.'),
    autoscaling: autoscaling.nullable().default(null).describe('Null: always `instances`.'),
    guard: deploymentGuard.nullable().default(null).describe('Null: a new revision is taken back by hand only.'),
  })
  .meta({ id: 'DeploymentSpec' })

export type DeploymentSpec = z.output<typeof deploymentSpec>

/** The file of a deployment: its spec, and what it is called. */
export const deploymentFile = deploymentSpec.extend({
  name: displayName.optional(),
  project: z.string().min(1).max(200).optional(),
})
