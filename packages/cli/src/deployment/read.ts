import { createDeployment, deploymentFile } from '@nabla/api/deployment'
import { z } from 'zod'
import { usageError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { readModelMount } from '../job/flags.ts'
import { readContainer } from '../job/image.ts'
import { toCommandLine } from '../quote.ts'
import { readEnv } from '../read-env.ts'
import { readYamlFile } from '../yaml-file.ts'
import type { DeploymentFlags } from './flags.ts'

export type Fields = Record<string, unknown>

/** The workspace may be said as on the command line: a folder, an archive, a git address or `none`. */
const file = deploymentFile.extend({
  workspace: z.union([z.string().min(1).max(4000), createDeployment.shape.workspace]).optional(),
  tags: createDeployment.shape.tags.optional(),
  note: createDeployment.shape.note.optional(),
})

/** What a YAML file says of a deployment. Throws a usage error that names file, line and column. */
export const readDeploymentFile = (cwd: string, path: string): Promise<Fields> =>
  readYamlFile(cwd, path, file, { hint: 'See the guide of deployments for what such a file has.' })

/** What the options say; what was not given is left out. */
export async function readFields(context: Context, words: readonly string[], flags: DeploymentFlags): Promise<Fields> {
  const env = await readEnv(context, flags)
  const fields = {
    name: flags.name,
    tags: flags.tag.length > 0 ? flags.tag : undefined,
    note: flags.note,
    command: words.length > 0 ? toCommandLine(words) : undefined,
    machineType: flags.machineType,
    instances: flags.instances,
    image: flags.image,
    port: flags.port,
    env: Object.keys(env).length > 0 ? env : undefined,
    models: flags.mountModel.length > 0 ? flags.mountModel.map(readModelMount) : undefined,
    requirements: flags.requirements,
    drainSeconds: flags.drain,
    healthChecks: readHealth(flags),
    auth: readAuth(flags),
    bounds: readBounds(flags),
    autoscaling: readScaling(flags),
    ...readContainer({ ...flags }),
  }
  return given(fields)
}

/** What is there, over what was there before; tables are joined. */
export function over(before: Fields, after: Fields): Fields {
  const joined = { ...before, ...after }
  for (const name of ['env', 'healthChecks', 'bounds']) {
    if (before[name] !== undefined && after[name] !== undefined) {
      joined[name] = { ...(before[name] as object), ...(after[name] as object) }
    }
  }
  return joined
}

function readHealth({ readyPath, livePath, startLimit }: DeploymentFlags): Fields | undefined {
  const fields = given({
    readiness: readyPath === undefined ? undefined : { path: readyPath },
    liveness: livePath === undefined ? undefined : { path: livePath },
    startLimitSeconds: startLimit,
  })
  return Object.keys(fields).length > 0 ? fields : undefined
}

function readAuth({ auth, username, password }: DeploymentFlags): Fields | undefined {
  if (auth === 'basic' || username !== undefined || password !== undefined) {
    if (username === undefined || (auth !== undefined && auth !== 'basic')) {
      throw usageError(
        'A name and a password go together.',
        'Give --auth basic --username NAME --password secret:NAME.',
      )
    }
    return given({ kind: 'basic', username, password })
  }
  return auth === undefined ? undefined : { kind: auth }
}

function readBounds({ timeout, bodyLimit, perInstance, rate }: DeploymentFlags): Fields | undefined {
  const fields = given({
    timeoutSeconds: timeout,
    bodyBytes: bodyLimit,
    perInstance,
    rate: rate === undefined ? undefined : { perSecond: rate, burst: rate },
  })
  return Object.keys(fields).length > 0 ? fields : undefined
}

function readScaling({ min, max, target }: DeploymentFlags): Fields | undefined {
  if (max === undefined && min === undefined && target === undefined) return undefined
  const [, metric, value] = /^(outstanding|rate|latency|cpu)=(\d+(?:\.\d+)?)$/.exec(target ?? 'outstanding=8') ?? []
  if (metric === undefined || max === undefined) {
    throw usageError(
      max === undefined ? 'It is not said how many instances there may be.' : `${target} is no target.`,
      'Give --max N, and --target such as outstanding=8, rate=50, latency=200 or cpu=70.',
    )
  }
  return given({ min, max, metric, target: Number(value) })
}

function given(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
