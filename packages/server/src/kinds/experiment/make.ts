import type { ExperimentSpec } from '@nabla/api/experiment'
import { gangObstacle } from '../../control/place.ts'
import type { ExperimentRow } from '../../db/experiment-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { insertMounts } from '../dataset/mounts.ts'
import { friendlyName } from '../job/name.ts'
import { pinnedSpec, type PreparedJob, prepareJob } from '../job/submit.ts'
import type { Caller } from '../kind.ts'
import { insertModels } from '../model/mounts.ts'
import { checkParallel } from '../sweep/check.ts'
import { insertSweep } from '../sweep/insert.ts'
import { replaceTags } from '../tags.ts'
import { checkExperiment } from './check.ts'
import { nodesOf } from './nodes.ts'
import { pinned, rolesOf, submissionOf } from './submission.ts'

/** An experiment as it is asked for. */
export interface NewExperiment {
  spec: ExperimentSpec
  name?: string | undefined
  project: string
  tags: string[]
  note: string
  start: boolean
  cliCommand?: string | undefined
  parentId?: string
  /** Files that are there already, for a clone. */
  workspaceId?: string | null
}

/**
 * Stores an experiment, whole or not at all, and starts it if that is asked for. Answers with its id. All that its jobs
 * will need is checked here, and versions of data are chosen. Throws AppError when something it names is not there, or
 * this server could never run it.
 */
export async function makeExperiment(deps: Deps, caller: Caller, asked: NewExperiment): Promise<string> {
  if (deps.ballast.isReleased) throw new AppError('disk_full')
  checkExperiment(asked.spec)
  const now = deps.clock.now()
  const id = await change(deps, async (trx) => {
    const prepared = await prepareRoles(deps, trx, caller, asked, now)
    checkGang(deps, asked.spec, prepared)
    checkPrice(asked.spec, prepared)
    for (const { machine } of prepared.values()) checkRoom(deps, asked.spec, machine)
    return store(trx, caller, asked, [...prepared.values()][0]!, now)
  })
  deps.loop.wake(id)
  return id
}

/** The same is done again for each attempt: what may be gone by then is checked once more. */
async function prepareRoles(
  deps: Deps,
  trx: Trx,
  caller: Caller,
  asked: NewExperiment,
  now: number,
): Promise<Map<string, PreparedJob>> {
  const { project, tags } = asked
  const prepared = new Map<string, PreparedJob>()
  let { workspaceId } = asked
  for (const role of rolesOf(asked.spec)) {
    const submission = submissionOf(role, { project, tags, ...(workspaceId === undefined ? {} : { workspaceId }) })
    const one = await prepareJob(deps, trx, caller, submission, now)
    // All roles have the same files: they are fetched once.
    workspaceId = one.workspaceId
    prepared.set(role.role, one)
  }
  return prepared
}

function checkGang({ machineTypes }: Deps, spec: ExperimentSpec, prepared: ReadonlyMap<string, PreparedJob>): void {
  if (spec.kind !== 'multi-node') return
  const machines = nodesOf(spec).map(({ role }) => prepared.get(role)!.machine)
  const engines = [...new Set(machines.map(({ engine }) => engine))]
  if (engines.length > 1) {
    const reason = `its nodes would run on ${engines.join(' and ')}, and could not reach each other`
    throw new AppError('bad_experiment', { reason, fix: 'Give all roles an image, or none.' })
  }
  const wants = machines.map(({ engine, cpus, memoryBytes, gpus }) => ({
    engine,
    resources: { cpus, memoryBytes, gpus },
  }))
  const reason = gangObstacle(wants, machineTypes.capacity)
  if (reason === null) return
  const fix = 'Choose fewer nodes, or a smaller machine type: see `nabla machine-type list`.'
  throw new AppError('bad_experiment', { reason, fix })
}

/** A search that may cost so much has to know what its trials cost. */
function checkPrice(spec: ExperimentSpec, prepared: ReadonlyMap<string, PreparedJob>): void {
  if (spec.kind !== 'sweep' || spec.search.costLimit === null) return
  for (const { machine } of prepared.values()) {
    if (machine.pricePerHour !== undefined && machine.pricePerHour > 0) continue
    const reason = `it has a limit of its cost, and the machine type ${machine.name} has no price`
    const fix = 'Set its `pricePerHour` in the settings of the server, or limit trials or time instead.'
    throw new AppError('bad_experiment', { reason, fix })
  }
}

function checkRoom({ machineTypes }: Deps, spec: ExperimentSpec, machine: PreparedJob['machine']): void {
  if (spec.kind === 'sweep') checkParallel(machineTypes, spec, machine, spec.search.parallel)
}

async function store(trx: Trx, caller: Caller, asked: NewExperiment, first: PreparedJob, now: number): Promise<string> {
  const { teamId, userId, userName: actor } = caller
  const id = newId('experiment')
  const row: ExperimentRow = {
    id,
    teamId,
    projectId: first.project.id,
    name: asked.name ?? friendlyName(),
    kind: asked.spec.kind,
    state: asked.start ? 'pending' : 'created',
    reason: null,
    exitCode: null,
    attempt: 1,
    nodes: nodesOf(asked.spec).length,
    spec: JSON.stringify(pinned(asked.spec, pinnedSpec(first))),
    workspaceId: first.workspaceId,
    slot: null,
    cliCommand: asked.cliCommand ?? null,
    note: asked.note,
    createdBy: userId,
    parentExperimentId: asked.parentId ?? null,
    stopRequestedAt: null,
    stopGraceMs: 0,
    createdAt: toIso(now),
    startRequestedAt: asked.start ? toIso(now) : null,
    startedAt: null,
    endedAt: null,
    deletedAt: null,
    wakeAt: null,
    version: 1,
  }
  await trx.insertInto('experiments').values(row).execute()
  if (asked.spec.kind === 'sweep') {
    await insertSweep(trx, teamId, id, asked.spec.search, first.machine.pricePerHour ?? null)
  }
  await replaceTags(trx, teamId, id, asked.tags)
  await insertMounts(trx, id, first.datasets)
  await insertModels(trx, id, first.models)
  const { name, projectId } = row
  const about = { teamId, projectId, subject: id, actor }
  const data = { name, ...(asked.parentId ? { cloneOf: asked.parentId } : {}) }
  await recordEvents(trx, now, [
    { ...about, type: 'experiment.created', data },
    ...(asked.start ? [{ ...about, type: 'experiment.started', data: { name } }] : []),
  ])
  return id
}
