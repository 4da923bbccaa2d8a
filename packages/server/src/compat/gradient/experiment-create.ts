import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { decodeCommand, modelNameOf, nameOf, optional, portsOf, textInside, variablesOf } from './fields.ts'
import { datasetsOf } from './dataset-mounts.ts'
import { quoted } from './deployment-spec.ts'
import { without } from './job-create.ts'
import { imageFor } from '../../kinds/image-names.ts'
import { machineTypeFor } from '../../kinds/machine-names.ts'
import type { Exchange } from './route.ts'
import { workspaceAt } from './workspaces.ts'

/** Kinds of experiments, by the numbers that Gradient gave them. */
export const experimentTypes = { single: 1, grpc: 2, mpi: 3, hyperparameter: 4 } as const

/** An experiment as it is asked for; what belongs to one role has its name in front, such as `workerCommand`. */
export const experimentFields = z
  .object({
    experimentTypeId: z.coerce.number(),
    name: optional,
    projectHandle: optional,
    projectId: optional,
    ports: optional,
    workspaceUrl: optional,
    workspaceRef: optional,
    workspaceUsername: optional,
    workspacePassword: optional,
    workingDirectory: optional,
    artifactDirectory: optional,
    experimentEnv: z.unknown().optional(),
    modelType: optional,
    modelPath: optional,
    datasets: z.unknown().optional(),
  })
  .catchall(z.unknown())

type Fields = z.output<typeof experimentFields>

/** Makes an experiment of what was asked for. Throws AppError. */
export async function createExperimentOf(exchange: Exchange<Fields>, start: boolean) {
  const { call, input } = exchange
  const common = await commonOf(exchange, start)
  if (input.experimentTypeId === experimentTypes.single) {
    const { command, ...node } = nodeOf(exchange, '')
    return call('experiment', 'create', { body: { kind: 'single', ...common, ...node, command: wanted(command) } })
  }
  const roles = rolesOf(exchange)
  const scheme = schemes[input.experimentTypeId]
  if (scheme === undefined) throw new AppError('invalid', { detail: 'There is no such type of experiment.' })
  return call('experiment', 'create', { body: { kind: 'multi-node', scheme, roles, ...common } })
}

const schemes: Record<number, 'tensorflow' | 'mpi' | 'none'> = {
  [experimentTypes.grpc]: 'tensorflow',
  [experimentTypes.mpi]: 'mpi',
  [experimentTypes.hyperparameter]: 'none',
}

async function commonOf(exchange: Exchange<Fields>, start: boolean) {
  const { input } = exchange
  const project = input.projectHandle ?? input.projectId
  if (project === undefined)
    throw new AppError('invalid', { detail: 'An experiment needs a project: give --projectId.' })
  const { workspaceUrl: url, workspaceRef: ref, workspaceUsername: username, workspacePassword: password } = input
  return {
    project,
    start,
    workspace: await workspaceAt(exchange, { url, ref, username, password }),
    env: variablesOf(input.experimentEnv),
    ports: portsOf(input.ports),
    datasets: await datasetsOf(exchange, input.datasets),
    ...without({
      name: nameOf(input.name),
      workingDir: input.workingDirectory,
      artifactsDir: input.artifactDirectory,
      model: modelOf(input),
    }),
  }
}

/** What one role runs: `prefix` stands before the names of its fields. */
function nodeOf({ deps, input }: Exchange<Fields>, prefix: string) {
  const field = (name: string) =>
    textInside(input, prefix === '' ? name : prefix + name[0]!.toUpperCase() + name.slice(1))
  if (field('registryUsername') !== undefined || field('registryPassword') !== undefined) {
    const detail = 'An experiment finds its logins by the host of the image: store one with `nabla registry create`.'
    throw new AppError('invalid', { detail })
  }
  const machineType = machineTypeFor(deps, field('machineType'))
  const command = field('command')
  return {
    command: command === undefined ? undefined : decodeCommand(command),
    image: imageFor(deps, field('container'), machineType),
    ...without({ machineType }),
  }
}

const wanted = (command: string | undefined): string => {
  if (command !== undefined) return command
  throw new AppError('invalid', { detail: 'An experiment needs a command: give --command.' })
}

function rolesOf(exchange: Exchange<Fields>) {
  const { input } = exchange
  const role = (name: string, prefix: string, fallback: number) => ({
    name,
    count: Number(textInside(input, `${prefix}Count`) ?? fallback),
    ...without(nodeOf(exchange, prefix)),
  })
  if (input.experimentTypeId === experimentTypes.grpc) {
    return [role('worker', 'worker', 1), role('ps', 'parameterServer', 1)]
  }
  if (input.experimentTypeId === experimentTypes.mpi) return [role('master', 'master', 1), role('worker', 'worker', 1)]
  return tunerRoles(exchange, role('worker', 'worker', 1))
}

const mongoPort = 27_017

const noDatabase =
  'This search needs MongoDB, by which hyperopt hands its trials to workers, and there is no mongod here. ' +
  'Give --hyperparameterServerContainer an image that has mongod, or search with `nabla sweep`, which needs no database.'

/**
 * A search as Gradient ran it: one program that tunes, with a MongoDB beside it, and workers that try what it asks for.
 * The database has to be in the image, or on the machine: `hyperopt` knows no other way.
 */
function tunerRoles({ deps, input }: Exchange<Fields>, worker: { name: string; command?: string }) {
  const tune = decodeCommand(textInside(input, 'tuningCommand') ?? '')
  if (tune === '') throw new AppError('invalid', { detail: 'A search needs a tuning command: give --tuningCommand.' })
  const machineType = machineTypeFor(deps, textInside(input, 'hyperparameterServerMachineType'))
  const container = textInside(input, 'hyperparameterServerContainer') ?? textInside(input, 'workerContainer')
  const env = {
    MONGO_DB_HOST: 'tuner-0',
    MONGO_DB_PORT: String(mongoPort),
    EXPERIMENT_NAME: nameOf(input.name)?.replaceAll(/\W+/g, '_') ?? 'search',
  }
  const command = [
    `command -v mongod >/dev/null || { echo ${quoted(noDatabase)} >&2; exit 1; }`,
    'mkdir -p /tmp/mongo',
    `mongod --dbpath /tmp/mongo --bind_ip_all --port ${mongoPort} --fork --logpath /tmp/mongo/log >/dev/null`,
    tune,
  ].join('\n')
  const image = imageFor(deps, container, machineType)
  return [
    { name: 'tuner', count: 1, command, image, env, ...without({ machineType }) },
    { ...worker, env },
  ]
}

/** A model that is left in the folder of artifacts. Throws AppError `invalid` for one elsewhere: that is not kept. */
function modelOf({ name, modelType, modelPath, artifactDirectory = '/artifacts' }: Fields) {
  if (modelPath === undefined || modelType === undefined) return undefined
  const folder = artifactDirectory.replace(/\/+$/, '')
  const isInside = modelPath === folder || modelPath.startsWith(`${folder}/`) || !modelPath.startsWith('/')
  if (!isInside) {
    throw new AppError('invalid', {
      detail: `A model is taken from ${folder}, which is what is kept of a job: write it there, and give --modelPath there.`,
    })
  }
  const path = modelPath.startsWith('/') ? modelPath.slice(folder.length).replace(/^\/+/, '') : modelPath
  return { name: modelNameOf(name ?? 'model'), path, type: modelType }
}

export type { Fields as ExperimentFields }
