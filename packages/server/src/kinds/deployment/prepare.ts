import type { DeploymentSpec } from '@nabla/api/deployment'
import { jobSpec } from '@nabla/api/job'
import type { ProjectRow } from '../../db/tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import type { TaskRequest } from '../../tasks/task.ts'
import { imageRequest } from '../job/image.ts'
import { pinnedSpec, type PreparedJob, prepareJob } from '../job/submit.ts'
import type { Caller } from '../kind.ts'
import { type ChosenModel, modelMounts } from '../model/mounts.ts'
import { resolveSecrets } from '../secret.ts'
import { storageVolume } from '../storage/volume.ts'
import { checkCount, checkDeployment } from './check.ts'
import { modelServer, type ServerProgram } from './model-server.ts'
import { isAlone, type StoredRevision } from './stored.ts'

/** A revision as it is asked for. */
export interface AskedRevision {
  spec: DeploymentSpec
  project: string
  /** Files that are there already; goes before `workspace`. */
  workspaceId?: string | null
}

/** A revision that has been checked and whose versions are chosen, but that is not stored. */
export interface PreparedRevision {
  stored: StoredRevision
  project: ProjectRow
  workspaceId: string | null
  models: ChosenModel[]
  /** In clear; undefined: none was given. */
  password: string | undefined
}

/** Checks all that a spec names, and chooses what it leaves open. Throws AppError. */
export async function prepareRevision(
  deps: Deps,
  trx: Trx,
  caller: Caller,
  asked: AskedRevision,
  now: number,
): Promise<PreparedRevision> {
  const { spec } = asked
  checkDeployment(spec)
  const { project: reference, workspaceId } = asked
  const submission = {
    ...jobOf(spec),
    project: reference,
    tags: [],
    ...(workspaceId === undefined ? {} : { workspaceId }),
  }
  const prepared = await prepareJob(deps, trx, caller, submission, now)
  const { project, machine, models } = prepared
  const ownPorts = deps.machineTypes.capacity.get(machine.engine)?.ownPorts === true
  const server = spec.command === null ? await modelServer(trx, models[0]!, { inContainer: ownPorts }) : null
  const storageId = await storageVolume(trx, caller.teamId, now)
  const stored: StoredRevision = {
    spec: pinned(spec, prepared),
    task: {
      engine: machine.engine,
      machineType: machine.name,
      priority: spec.priority,
      request: requestOf(prepared, storageId, server),
    },
    ownPorts,
    files: server?.files ?? {},
  }
  checkCount(isAlone(stored), spec, spec.instances)
  const password = await passwordOf(deps, trx, caller, project, spec)
  return { stored, project, workspaceId: prepared.workspaceId, models, password }
}

/** The fields that a deployment has in common with a job. */
function jobOf(spec: DeploymentSpec) {
  const names = Object.keys(jobSpec.shape)
  const common = Object.fromEntries(Object.entries(spec).filter(([name]) => names.includes(name)))
  const served = spec.model === null ? [] : [{ model: spec.model }]
  return jobSpec.parse({
    ...common,
    command: spec.command ?? 'true',
    model: null,
    models: [...served, ...spec.models],
  })
}

/** What is kept of a spec: never a password, and the versions as they were chosen. */
function pinned(spec: DeploymentSpec, prepared: PreparedJob): DeploymentSpec {
  const { workspace, models } = pinnedSpec(prepared)
  const auth = spec.auth.kind === 'basic' ? { kind: spec.auth.kind, username: spec.auth.username } : spec.auth
  const [served, ...others] = spec.model === null ? [undefined, ...models] : models
  return { ...spec, workspace, auth, model: served?.model ?? null, models: others as DeploymentSpec['models'] }
}

function requestOf(prepared: PreparedJob, storageId: string, server: ServerProgram | null): TaskRequest {
  const { spec, machine, project, workspaceId, models } = prepared
  const { cpus, memoryBytes, gpus } = machine
  const volumes: TaskRequest['volumes'] = [
    { volumeId: storageId, target: '/storage', mode: 'rw' },
    ...modelMounts(models),
  ]
  if (workspaceId !== null) volumes.unshift({ volumeId: workspaceId, target: spec.workingDir, mode: 'copy' })
  return {
    // Its image is named when it runs: none is built here.
    ...imageRequest(spec, '', spec.workingDir, prepared.sealedLogin),
    command: server?.command ?? spec.command,
    workingDir: spec.workingDir,
    env: {
      NABLA_PROJECT: project.name,
      NABLA_MACHINE_TYPE: machine.name,
      ...spec.env,
    },
    volumes,
    requirements: requirementsOf(spec.requirements, spec.workingDir),
    ports: [],
    resources: { cpus, memoryBytes, gpus },
    projectId: project.id,
  }
}

function requirementsOf(path: string | null, workingDir: string): string | null {
  if (path === null) return null
  return path.startsWith('/') ? path : `${workingDir.replace(/\/+$/, '')}/${path}`
}

async function passwordOf(
  deps: Deps,
  trx: Trx,
  { teamId }: Caller,
  project: ProjectRow,
  { auth }: DeploymentSpec,
): Promise<string | undefined> {
  if (auth.kind !== 'basic' || auth.password === undefined) return undefined
  if (!auth.password.startsWith('secret:')) return auth.password
  const name = auth.password.slice('secret:'.length)
  const value = (await resolveSecrets(trx, deps.box, teamId, project.id, [name])).get(name)
  if (value === undefined) throw new AppError('unknown_secret', { name })
  return value
}
