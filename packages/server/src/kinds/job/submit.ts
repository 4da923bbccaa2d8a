import { hostname } from 'node:os'
import { type createJob, type JobSpec, jobSpec } from '@nabla/api/job'
import type { z } from 'zod'
import type { Trx } from '../../db/transaction.ts'
import { type NodeColumns, noNode } from '../../db/experiment-tables.ts'
import type { ProjectRow, VolumeRow } from '../../db/tables.ts'
import { noStep, type StepColumns } from '../../db/workflow-tables.ts'
import type { Deps } from '../../deps.ts'
import type { Engine } from '../../engines/engine.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { sealLogin } from '../../tasks/image-login.ts'
import type { MachineType } from '../../tasks/machine-types.ts'
import type { TaskRequest } from '../../tasks/task.ts'
import type { StoredJobSpec } from './planned.ts'
import { checkImage, imageRequest, takes } from './image.ts'
import { friendlyName } from './name.ts'
import {
  asSpec,
  type ChosenVersion,
  chooseVersions,
  insertMounts,
  mountsOf as datasetMounts,
} from '../dataset/mounts.ts'
import type { Caller } from '../kind.ts'
import { type ChosenModel, chooseModels, insertModels, modelMounts, modelsAsSpec } from '../model/mounts.ts'
import { ensureProject } from '../project.ts'
import { checkSecrets } from '../secret.ts'
import { storageVolume } from '../storage/volume.ts'
import { gitWorkspace, type StoredWorkspace, storedWorkspace } from '../workspace.ts'

type Adapt = (request: TaskRequest) => TaskRequest

export interface Submission extends z.output<typeof createJob> {
  parentJobId?: string
  /** Files that are there already, for a clone; goes before `workspace`. */
  workspaceId?: string | null
  /** The login of the job that it is a clone of, as that was stored; `registryLogin` goes before it. */
  sealedLogin?: string | undefined
  /** For a node of an experiment: which one it is, and how its task differs from that of a job by itself. */
  node?: NodeColumns & { adapt: Adapt }
  /** The same for a job of a run of a workflow. */
  step?: StepColumns & { adapt: Adapt }
}

/**
 * Stores a job, whole or not at all, and wakes the loop. Answers with its id.
 * Throws AppError when something it names is not there, or this server cannot run it.
 */
export async function submitJob(deps: Deps, caller: Caller, submission: Submission): Promise<string> {
  // What little space is left is for what runs already to come to its end.
  if (deps.ballast.isReleased) throw new AppError('disk_full')
  const now = deps.clock.now()
  const id = await change(deps, async (trx) => {
    return storeJob(trx, caller, await prepareJob(deps, trx, caller, submission, now), now)
  })
  deps.loop.wake(id)
  return id
}

/** A job that has been checked and whose versions of data are chosen, but that is not stored. */
export interface PreparedJob {
  submission: Submission
  spec: JobSpec
  machine: MachineType
  project: ProjectRow
  workspaceId: string | null
  /** For the registry of its image, given with the submission. */
  sealedLogin: string | undefined
  datasets: ChosenVersion[]
  models: ChosenModel[]
}

/** Checks all that a submission names, and chooses what it leaves open. Throws AppError as `submitJob` does. */
export async function prepareJob(
  deps: Deps,
  trx: Trx,
  caller: Caller,
  submission: Submission,
  now: number,
): Promise<PreparedJob> {
  const spec = jobSpec.parse(pickSpec(submission))
  const machine = chooseMachine(deps, spec)
  checkPaths(spec)
  const project = await ensureProject(trx, caller, submission.project, now)
  await checkSecrets(deps, trx, caller, project.id, secretValues(spec))
  const workspace = await chooseWorkspace(deps, trx, caller, submission, spec)
  const sealedLogin = loginOf(deps, caller, submission)
  await checkImage({ db: trx }, caller.teamId, spec, {
    hasLogin: sealedLogin !== undefined,
    hasFiles: workspace !== null,
  })
  const datasets = await chooseVersions(trx, caller.teamId, spec.datasets)
  const models = await chooseModels(trx, caller.teamId, project, spec.models)
  checkModelPaths(spec, models)
  return { submission, spec, machine, project, workspaceId: workspace?.id ?? null, sealedLogin, datasets, models }
}

/** What is kept of a spec: never a password, and the versions as they were chosen. */
export function pinnedSpec({ spec, datasets, models }: PreparedJob): JobSpec {
  return { ...withoutPassword(spec), datasets: asSpec(datasets), models: modelsAsSpec(models) }
}

/** Stores a job. Answers with its id. */
export async function storeJob(trx: Trx, caller: Caller, prepared: PreparedJob, now: number): Promise<string> {
  const { submission, spec, machine, project, workspaceId, datasets, models } = prepared
  const id = newId('job')
  const artifactsId = await insertArtifacts(trx, caller, id, now)
  const storageId = await storageVolume(trx, caller.teamId, now)
  const own = mountsOf(spec, workspaceId, artifactsId, storageId)
  const volumes = [...own, ...datasetMounts(datasets), ...modelMounts(models)]
  const identity = { id, name: submission.name ?? friendlyName(), projectId: project.id, projectName: project.name }
  const request = {
    ...requestOf(spec, machine, identity, volumes),
    ...imageRequest(spec, id, normal(spec.workingDir), prepared.sealedLogin),
  }
  const stored: StoredJobSpec = {
    spec: pinnedSpec(prepared),
    task: {
      engine: machine.engine,
      machineType: machine.name,
      priority: spec.priority,
      request: (submission.node ?? submission.step)?.adapt(request) ?? request,
    },
  }
  await insertJob(trx, caller, { ...identity, stored, submission, artifactsId, workspaceId, now })
  await insertMounts(trx, id, datasets)
  await insertModels(trx, id, models)
  return id
}

type MachineWish = Pick<JobSpec, 'machineType' | 'image' | 'build'>

/** The fields of a job's spec, without those that belong to the submission. */
function pickSpec(submission: Submission): Record<string, unknown> {
  const names = Object.keys(jobSpec.shape)
  return Object.fromEntries(Object.entries(submission).filter(([name]) => names.includes(name)))
}

/** The machine type that is asked for, or one that takes the image. Throws AppError when there is none. */
export function chooseMachine(deps: Deps, spec: MachineWish): MachineType {
  const { machineTypes, engines } = deps
  const machine = spec.machineType === undefined ? defaultFor(deps, spec) : machineTypes.find(spec.machineType)
  if (!machine) {
    const names = machineTypes.all.map((type) => type.name).join(', ')
    throw new AppError('unknown_machine_type', { name: spec.machineType!, names, fallback: machineTypes.default.name })
  }
  const engine = engines.get(machine.engine)
  if (!engine) throw new AppError('busy', { detail: `the engine ${machine.engine} is not running` })
  const accepted = takes(engine, spec)
  if (accepted.ok) return machine
  const isTaken = (name: string) => takesJob(engines.get(name), spec)
  const fitting = machineTypes.all.filter((type) => isTaken(type.engine))
  const names = fitting.map((type) => type.name).join(', ')
  const hint = fitting.length > 0 && spec.machineType !== undefined ? ` Machine types that take it: ${names}.` : ''
  throw new AppError('image_not_supported', { reason: accepted.reason + hint })
}

/** The default machine type; for an image that its engine does not take, that of an engine that does. */
function defaultFor({ machineTypes, engines }: Deps, spec: MachineWish): MachineType {
  const types = [machineTypes.default, ...machineTypes.defaults.values()]
  const isTaken = (name: string) => takesJob(engines.get(name), spec)
  // What none takes, a later engine knows more of than the machine itself: it has images.
  return types.find((type) => isTaken(type.engine)) ?? types.at(-1)!
}

const takesJob = (engine: Engine | undefined, spec: MachineWish): boolean =>
  engine !== undefined && takes(engine, spec).ok

function loginOf({ box }: Deps, { teamId }: Caller, { registryLogin, sealedLogin }: Submission): string | undefined {
  return registryLogin ? sealLogin(box, teamId, registryLogin) : sealedLogin
}

/** Folders of the system that nothing is mounted over. */
const systemFolders = new Set([
  'bin',
  'boot',
  'dev',
  'etc',
  'lib',
  'lib32',
  'lib64',
  'proc',
  'root',
  'run',
  'sbin',
  'sys',
  'usr',
  'var',
])

function checkPaths(spec: JobSpec): void {
  for (const path of [spec.workingDir, spec.artifactsDir]) {
    const [first] = path.split('/').filter(Boolean)
    if (first === undefined || systemFolders.has(first)) {
      throw new AppError('bad_path', { path, reason: 'it belongs to the system; choose one such as /work' })
    }
  }
  if (normal(spec.workingDir) === normal(spec.artifactsDir)) {
    throw new AppError('bad_path', { path: spec.artifactsDir, reason: 'the working directory is there' })
  }
  for (const path of [spec.workingDir, spec.artifactsDir]) {
    if (normal(path) === '/storage') throw new AppError('bad_path', { path, reason: 'the persistent storage is there' })
    if (spec.datasets.length > 0 && /^\/data(\/|$)/.test(normal(path))) {
      throw new AppError('bad_path', { path, reason: 'the datasets are there' })
    }
  }
}

function checkModelPaths(spec: JobSpec, models: readonly ChosenModel[]): void {
  const taken = [...[spec.workingDir, spec.artifactsDir].map(normal), '/storage', '/data']
  for (const { path } of models) {
    const [first] = path.split('/').filter(Boolean)
    if (first === undefined || systemFolders.has(first)) {
      throw new AppError('bad_path', { path, reason: 'it belongs to the system; choose one such as /models/name' })
    }
    const other = taken.find((place) => place === path || place.startsWith(`${path}/`) || path.startsWith(`${place}/`))
    if (other !== undefined) throw new AppError('bad_path', { path, reason: `${other} is there already` })
  }
}

const normal = (path: string): string =>
  `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`

function secretValues({ env, workspace }: JobSpec): string[] {
  const password = workspace.from === 'git' ? workspace.password : undefined
  return [...Object.values(env), ...(password ? [password] : [])]
}

async function chooseWorkspace(
  deps: Deps,
  trx: Trx,
  caller: Caller,
  submission: Submission,
  spec: JobSpec,
): Promise<StoredWorkspace | null> {
  if (submission.workspaceId !== undefined) {
    return submission.workspaceId === null
      ? null
      : storedWorkspace(trx, caller.teamId, submission.workspaceId, deps.clock.now())
  }
  if (spec.workspace.from === 'upload') return storedWorkspace(trx, caller.teamId, spec.workspace.id, deps.clock.now())
  if (spec.workspace.from === 'git') return gitWorkspace(deps, trx, caller.teamId, spec.workspace, deps.clock.now())
  return null
}

async function insertArtifacts(trx: Trx, caller: Caller, jobId: string, now: number): Promise<string> {
  const row: VolumeRow = {
    id: newId('volume'),
    teamId: caller.teamId,
    purpose: 'artifacts',
    ownerId: jobId,
    origin: null,
    digest: null,
    treeDigest: null,
    files: 0,
    sizeBytes: 0,
    createdAt: toIso(now),
    deletedAt: null,
  }
  await trx.insertInto('volumes').values(row).execute()
  return row.id
}

type Volumes = TaskRequest['volumes']

/** The workspace of Gradient had two names; both lead to the same files as long as nobody chose another place. */
const workspaceAlias = '/home/paperspace'

function mountsOf(spec: JobSpec, workspaceId: string | null, artifactsId: string, storageId: string): Volumes {
  const volumes: Volumes = [
    { volumeId: storageId, target: '/storage', mode: 'rw' },
    { volumeId: artifactsId, target: normal(spec.artifactsDir), mode: 'rw' },
  ]
  if (workspaceId !== null) {
    const target = normal(spec.workingDir)
    const aliases = target === '/paperspace' ? [workspaceAlias] : []
    volumes.unshift({ volumeId: workspaceId, target, mode: 'copy', aliases })
  }
  return volumes
}

interface Identity {
  id: string
  name: string
  projectId: string
  projectName: string
}

function requestOf(spec: JobSpec, machine: MachineType, job: Identity, volumes: Volumes): TaskRequest {
  const { cpus, memoryBytes, gpus } = machine
  const platform = {
    NABLA_JOB_ID: job.id,
    NABLA_JOB_NAME: job.name,
    NABLA_PROJECT: job.projectName,
    NABLA_MACHINE_TYPE: machine.name,
    PS_JOBSPACE: '/storage',
    PS_MODEL_PATH: normal(spec.artifactsDir),
    PS_HOSTNAME: hostname(),
    PS_HOST_PUBLIC_IP_ADDRESS: '127.0.0.1',
    PS_HOST_PRIVATE_IP_ADDRESS: '127.0.0.1',
  }
  return {
    image: spec.image,
    command: spec.command,
    workingDir: normal(spec.workingDir),
    env: { ...platform, ...spec.env },
    volumes,
    requirements: spec.requirements === null ? null : requirementsPath(spec),
    ports: spec.ports,
    resources: { cpus, memoryBytes, gpus },
    projectId: job.projectId,
  }
}

function requirementsPath(spec: JobSpec): string {
  const path = spec.requirements!
  return normal(path.startsWith('/') ? path : `${spec.workingDir}/${path}`)
}

/** What is kept and shown of a job: never a password. */
function withoutPassword(spec: JobSpec): JobSpec {
  if (spec.workspace.from !== 'git') return spec
  const { password: _, ...workspace } = spec.workspace
  return { ...spec, workspace }
}

interface NewJob extends Identity {
  stored: StoredJobSpec
  submission: Submission
  artifactsId: string
  workspaceId: string | null
  now: number
}

async function insertJob(trx: Trx, caller: Caller, job: NewJob): Promise<void> {
  const { submission, now } = job
  await trx
    .insertInto('jobs')
    .values({
      id: job.id,
      teamId: caller.teamId,
      projectId: job.projectId,
      name: job.name,
      state: 'pending',
      reason: null,
      exitCode: null,
      attempt: 1,
      spec: JSON.stringify(job.stored),
      machineType: job.stored.task.machineType,
      workspaceId: job.workspaceId,
      artifactsId: job.artifactsId,
      parentJobId: submission.parentJobId ?? null,
      createdBy: caller.userId,
      stopRequestedAt: null,
      stopGraceMs: 0,
      stopWhy: null,
      ...nodeColumns(submission),
      ...stepColumns(submission),
      createdAt: toIso(now),
      startedAt: null,
      endedAt: null,
      deletedAt: null,
      wakeAt: null,
      version: 1,
    })
    .execute()
  const tags = [...new Set(submission.tags)].map((tag) => ({ teamId: caller.teamId, subjectId: job.id, tag }))
  if (tags.length > 0) await trx.insertInto('tags').values(tags).execute()
  const data = { name: job.name, ...(submission.parentJobId ? { cloneOf: submission.parentJobId } : {}) }
  await recordEvents(trx, now, [
    {
      teamId: caller.teamId,
      projectId: job.projectId,
      subject: job.id,
      type: 'job.created',
      actor: caller.userName,
      data,
    },
  ])
}

function nodeColumns({ node }: Submission): NodeColumns {
  if (!node) return noNode
  const { adapt: _, ...columns } = node
  return columns
}

function stepColumns({ step }: Submission): StepColumns {
  return step ? { workflowRunId: step.workflowRunId, workflowJob: step.workflowJob } : noStep
}
