import { randomInt } from 'node:crypto'
import type { ExperimentSpec } from '@nabla/api/experiment'
import { experimentSpec } from '@nabla/api/experiment'
import type { ExperimentRow } from '../../db/experiment-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { TaskRequest } from '../../tasks/task.ts'
import { sameVersions } from '../dataset/mounts.ts'
import { type PreparedJob, prepareJob, storeJob } from '../job/submit.ts'
import type { Caller } from '../kind.ts'
import { sameModels } from '../model/mounts.ts'
import { createTrials } from '../sweep/create-trials.ts'
import { jobName } from './nodes.ts'
import type { NewNode } from './plan.ts'
import { environmentOf, gangOf, type Meeting } from './rendezvous.ts'
import { rolesOf, submissionOf } from './submission.ts'

/**
 * Makes the jobs of an attempt, all of them or none. When one cannot be, as when its machine type is gone since, the
 * experiment ends with the reason.
 */
export async function createNodes(
  deps: Deps,
  trx: Trx,
  row: ExperimentRow,
  nodes: readonly NewNode[],
  now: number,
): Promise<string[]> {
  const spec = experimentSpec.parse(JSON.parse(row.spec))
  try {
    const caller = await callerOf(trx, row)
    const prepared = await prepareRoles(deps, trx, caller, row, spec, now)
    if (spec.kind === 'sweep') {
      const job = { caller, prepared: prepared.get('worker')! }
      return await createTrials(deps, trx, row, spec, job, nodes.length, now)
    }
    const slot = spec.kind === 'multi-node' ? await slotOf(trx, row) : 0
    if (slot === null) {
      await waitForSlot(trx, row, now)
      return []
    }
    const meeting = spec.kind === 'multi-node' ? meetingOf(deps, row, spec, nodes, prepared, slot) : null
    const ids: string[] = []
    for (const node of nodes) ids.push(await storeNode(trx, caller, row, spec, node, prepared, meeting, now))
    return ids
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    await endWith(trx, row, `${error.message} ${error.hint}`, now)
    return []
  }
}

type PreparedRoles = ReadonlyMap<string, PreparedJob>

async function prepareRoles(
  deps: Deps,
  trx: Trx,
  caller: Caller,
  row: ExperimentRow,
  spec: ExperimentSpec,
  now: number,
): Promise<PreparedRoles> {
  // Those very versions, also where a dataset or model has another name by now.
  const data = { datasets: await sameVersions(trx, row.id), models: await sameModels(trx, row.id) }
  const tags = await trx.selectFrom('tags').select('tag').where('subjectId', '=', row.id).orderBy('tag').execute()
  const more = {
    ...data,
    project: row.projectId,
    tags: tags.map(({ tag }) => tag),
    workspaceId: row.workspaceId,
  }
  const prepared = new Map<string, PreparedJob>()
  for (const role of rolesOf(spec)) {
    prepared.set(role.role, await prepareJob(deps, trx, caller, submissionOf(role, more), now))
  }
  return prepared
}

function meetingOf(
  { machineTypes }: Deps,
  row: ExperimentRow,
  spec: Extract<ExperimentSpec, { kind: 'multi-node' }>,
  nodes: readonly NewNode[],
  prepared: PreparedRoles,
  slot: number,
): Meeting {
  const machines = nodes.map(({ role }) => prepared.get(role)!.machine)
  return {
    experiment: { id: row.id, name: row.name, attempt: row.attempt },
    scheme: spec.scheme,
    nodes,
    places: machines.map(({ cpus, gpus }) => gpus || Math.max(1, Math.floor(cpus))),
    gpus: machines.map(({ gpus }) => gpus),
    slot,
    startLimitSeconds: spec.startLimitSeconds,
    sharesNetwork: machines.every(({ engine }) => machineTypes.capacity.get(engine)?.ownPorts !== true),
  }
}

async function storeNode(
  trx: Trx,
  caller: Caller,
  row: ExperimentRow,
  spec: ExperimentSpec,
  node: NewNode,
  roles: PreparedRoles,
  meeting: Meeting | null,
  now: number,
): Promise<string> {
  const prepared = roles.get(node.role)!
  const columns = { experimentId: row.id, nodeRole: node.role, nodeIndex: node.index, nodeRank: node.rank }
  const own = meeting ? environmentOf(meeting, node) : singleEnvironment(row)
  const adapt = (request: TaskRequest): TaskRequest => ({
    ...request,
    env: { ...request.env, ...own, ...prepared.spec.env },
    ...(meeting && { gang: gangOf(meeting, node) }),
  })
  const name = jobName(row.name, spec, node)
  // What the experiment leaves as a model is left once, by whoever leads.
  const leaves = node.rank === 0 ? prepared.spec.model : null
  const submission = { ...prepared.submission, name, node: { ...columns, nodeAttempt: node.attempt, adapt } }
  return storeJob(trx, caller, { ...prepared, spec: { ...prepared.spec, model: leaves }, submission }, now)
}

const singleEnvironment = ({ id, name }: ExperimentRow) => ({
  NABLA_EXPERIMENT_ID: id,
  NABLA_EXPERIMENT_NAME: name,
  PAPERSPACE_EXPERIMENT_ID: id,
})

/** Addresses and ports that no other experiment has which has not ended; null when all are taken. */
async function slotOf(trx: Trx, row: ExperimentRow): Promise<number | null> {
  if (row.slot !== null) return row.slot
  const rows = await trx
    .selectFrom('experiments')
    .select('slot')
    .where('endedAt', 'is', null)
    .where('slot', 'is not', null)
    .execute()
  const taken = new Set(rows.map(({ slot }) => slot))
  const free = Array.from({ length: limits.gangSlots }, (_, slot) => slot).filter((slot) => !taken.has(slot))
  if (free.length === 0) return null
  // By chance: what was used last may still be closing, and another server may count from the same end.
  const slot = free[randomInt(free.length)]!
  await trx.updateTable('experiments').set({ slot }).where('id', '=', row.id).execute()
  return slot
}

async function waitForSlot(trx: Trx, row: ExperimentRow, now: number): Promise<void> {
  const reason = `It waits until one of the ${limits.gangSlots} multi-node experiments that were started has ended.`
  const wakeAt = toIso(now + limits.sweepMs)
  await trx.updateTable('experiments').set({ reason, wakeAt }).where('id', '=', row.id).execute()
}

async function endWith(trx: Trx, row: ExperimentRow, reason: string, now: number): Promise<void> {
  const changes = { state: 'error', reason, endedAt: toIso(now), wakeAt: null }
  await trx.updateTable('experiments').set(changes).where('id', '=', row.id).execute()
  const { teamId, projectId, id: subject, name } = row
  const data = { name, reason }
  await recordEvents(trx, now, [{ teamId, projectId, subject, type: 'experiment.error', actor: null, data }])
}

/** Whoever made the experiment makes its jobs. */
async function callerOf(trx: Trx, row: ExperimentRow): Promise<Caller> {
  const user = await trx.selectFrom('users').select('name').where('id', '=', row.createdBy).executeTakeFirst()
  const { teamId, createdBy: userId } = row
  return { userId, userName: user?.name ?? '', teamId, teamName: '', role: 'member', keyId: null, sessionId: null }
}
