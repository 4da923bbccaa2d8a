import { readFileSync } from 'node:fs'
import { tensorboardLimits } from '@nabla/api/tensorboard'
import type { TensorboardRow } from '../../db/tensorboard-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Db, Deps } from '../../deps.ts'
import { aloneGang } from '../../tasks/gang/alone.ts'
import type { NewTask, TaskRequest } from '../../tasks/task.ts'

/** What it was made for, by id. */
export interface Sources {
  jobs: string[]
  experiments: string[]
}

/** Parses the `sources` column. */
export const readSources = (row: Pick<TensorboardRow, 'sources'>): Sources => JSON.parse(row.sources) as Sources

/** Where and as what one runs. */
export interface Placed {
  engine: string
  machineType: string
  image: string
  /** Ports are its own, so it listens at all addresses. */
  ownPorts: boolean
}

/** The port that it listens at, of an address of its own. */
export const tensorboardPort = 6006

/** A small image with Python, for engines that need one. */
const image = 'docker.io/library/python:3.13-slim'

/** Decides where one runs: where jobs do that name no machine type. */
export function placeOne({ machineTypes, engines }: Pick<Deps, 'machineTypes' | 'engines'>): Placed {
  const { engine, name: machineType } = machineTypes.default
  const onHost = engines.get(engine)?.accepts('host').ok === true
  const ownPorts = machineTypes.capacity.get(engine)?.ownPorts === true
  return { engine, machineType, image: onHost ? 'host' : image, ownPorts }
}

/** The artifacts of a job, as TensorBoard shows them. */
export interface LogFolder {
  volumeId: string
  /** One name for each. */
  name: string
}

/** The folders that one shows, newest first: those of jobs that are there. */
export async function foldersOf(db: Trx | Db, { teamId, ...row }: Pick<TensorboardRow, 'teamId' | 'sources'>) {
  const { jobs, experiments } = readSources(row)
  const rows = await db
    .selectFrom('jobs')
    .innerJoin('volumes', 'volumes.id', 'jobs.artifactsId')
    .select(['jobs.id', 'jobs.name', 'volumes.id as volumeId'])
    .where('jobs.teamId', '=', teamId)
    .where('jobs.deletedAt', 'is', null)
    .where('volumes.deletedAt', 'is', null)
    .where((eb) => eb.or([eb('jobs.id', 'in', orNone(jobs)), eb('jobs.experimentId', 'in', orNone(experiments))]))
    .orderBy('jobs.createdAt', 'desc')
    .orderBy('jobs.id', 'desc')
    .limit(tensorboardLimits.folders)
    .execute()
  const names = new Map<string, number>()
  for (const { name } of rows) names.set(name, (names.get(name) ?? 0) + 1)
  return rows.map(({ id, name, volumeId }): LogFolder => {
    return { volumeId, name: names.get(name) === 1 ? name : `${name} ${id}` }
  })
}

const orNone = (ids: readonly string[]): readonly string[] => (ids.length > 0 ? ids : ['none'])

/** The task of the next start. */
export function taskOf(row: TensorboardRow, folders: readonly LogFolder[]): NewTask {
  const { engine, machineType, image, ownPorts } = JSON.parse(row.placed) as Placed
  const gang = aloneGang(row.id, 'tensorboard', files())
  const host = ownPorts ? '0.0.0.0' : gang.hosts['tensorboard']
  const words = ['python3', '/generated/serve.py', '--logdir', '/logs', '--host', host!, '--port', `${tensorboardPort}`]
  const request: TaskRequest = {
    image,
    // Its own fast loader listens at a port that everybody on the machine can reach, without a key.
    command: `exec ${words.join(' ')} --load_fast=false --reload_interval 5 --window_title ${quoted(row.name)}`,
    workingDir: '/logs',
    env: {},
    volumes: folders.map(({ volumeId, name }) => ({ volumeId, target: `/logs/${name}`, mode: 'ro' })),
    requirements: '/generated/requirements.txt',
    ports: [tensorboardPort],
    resources: { cpus: 1, memoryBytes: 2 * 1024 ** 3, gpus: 0 },
    takesNoPlace: true,
    projectId: row.projectId,
    gang,
  }
  return { engine, machineType, priority: 100, request, ownerId: row.id, teamId: row.teamId, attempt: row.attempt }
}

/** What whoever asks it has to know: only the proxy does. Made of its id, so it need not be kept. */
export const keyOf = (box: Pick<Deps['box'], 'derive'>, id: string): string =>
  box.derive(`tensorboard ${id}`).toString('hex')

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

const files = () => ({ 'serve.py': textOf('serve.py'), 'requirements.txt': textOf('requirements.txt') })

const textOf = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')
