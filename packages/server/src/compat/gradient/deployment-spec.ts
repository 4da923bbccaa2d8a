import type { createDeployment } from '@nabla/api/deployment'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { optional } from './fields.ts'
import { without } from './job-create.ts'
import { imageFor } from '../../kinds/image-names.ts'
import { machineTypeFor } from '../../kinds/machine-names.ts'
import type { Exchange } from './route.ts'

type Spec = Partial<z.input<typeof createDeployment>>

const check = z
  .object({
    path: optional,
    port: z.coerce.number().int().optional(),
    periodSeconds: z.coerce.number().optional(),
    timeoutSeconds: z.coerce.number().optional(),
    failureThreshold: z.coerce.number().int().optional(),
  })
  .nullish()

const checks = z.object({ readiness: check, liveness: check, startup: check }).nullish()

/** The YAML of a deployment of Gradient, in the shape with `port` and `instanceType` and in those that came after. */
export const gradientSpec = z.object({
  enabled: z.boolean().optional(),
  image: optional,
  port: z.coerce.number().int().optional(),
  command: z.union([z.string(), z.array(z.coerce.string())]).nullish(),
  env: z.array(z.object({ name: z.string(), value: z.coerce.string() })).nullish(),
  models: z.array(z.object({ id: z.string(), path: optional })).nullish(),
  resources: z
    .object({
      replicas: z.coerce.number().int().optional(),
      instanceType: optional,
      machineType: optional,
      ports: z.array(z.coerce.number().int()).optional(),
      autoscaling: z
        .object({
          enabled: z.boolean().optional(),
          maxReplicas: z.coerce.number().int(),
          metrics: z.array(z.object({ metric: z.string(), value: z.coerce.number() })).default([]),
        })
        .nullish(),
    })
    .nullish(),
  healthChecks: checks,
  healthchecks: checks,
})

export type GradientSpec = z.output<typeof gradientSpec>

/** Reads such a YAML, as the client sends it. Throws AppError `invalid`. */
export function readSpec(given: unknown): GradientSpec {
  const parsed = gradientSpec.safeParse(given)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new AppError('invalid', { detail: `The spec is not right at ${issue?.path.join('.')}: ${issue?.message}.` })
}

/** What of ours it asks for. Without a command its model is served by the server that is built in. */
export function specOf({ deps }: Pick<Exchange, 'deps'>, spec: GradientSpec): Spec {
  const { resources, models, image } = spec
  const machineType = machineTypeFor(deps, resources?.instanceType ?? resources?.machineType)
  const command = Array.isArray(spec.command) ? spec.command.map(quoted).join(' ') : spec.command
  const [first] = models ?? []
  if (!command && !first) {
    throw new AppError('invalid', { detail: 'A deployment needs a command, or a model that is served without one.' })
  }
  const replicas = resources?.replicas ?? 1
  return without({
    machineType,
    instances: spec.enabled === false ? 0 : replicas,
    env: Object.fromEntries((spec.env ?? []).map(({ name, value }) => [name, value])),
    ...(command
      ? {
          command,
          image: imageFor(deps, image, machineType),
          port: spec.port ?? resources?.ports?.[0],
          models: (models ?? []).map(({ id, path }) => ({ model: id, ...(path === undefined ? {} : { path }) })),
        }
      : { model: first!.id }),
    healthChecks: healthOf(spec.healthChecks ?? spec.healthchecks),
    autoscaling: scalingOf(spec),
  })
}

function healthOf(given: GradientSpec['healthChecks']): Spec['healthChecks'] {
  if (!given) return undefined
  const one = (check: NonNullable<typeof given>['readiness']) => {
    if (!check) return undefined
    const { path, port, periodSeconds, timeoutSeconds, failureThreshold: failures } = check
    return without({ path, port, periodSeconds, timeoutSeconds, failures })
  }
  return without({ readiness: one(given.readiness), liveness: one(given.liveness), startup: one(given.startup) })
}

const metrics: Record<string, { metric: 'latency' | 'cpu' | 'outstanding'; times: number }> = {
  // In seconds there, in milliseconds here.
  requestDuration: { metric: 'latency', times: 1000 },
  cpu: { metric: 'cpu', times: 1 },
}

function scalingOf({ resources }: GradientSpec): Spec['autoscaling'] {
  const given = resources?.autoscaling
  if (!given || given.enabled === false) return undefined
  const [first] = given.metrics
  const known = first && metrics[first.metric]
  if (!known) {
    throw new AppError('invalid', { detail: 'Autoscaling goes by requestDuration or cpu here: name one of them.' })
  }
  const min = resources?.replicas ?? 1
  return { min, max: given.maxReplicas, metric: known.metric, target: first.value * known.times }
}

/** A word of a command line, for a shell. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
