import type { NotebookActivity } from '@nabla/api/notebook'
import { notebookPort } from '@nabla/api/notebook'
import type { NotebookRow } from '../../db/notebook-tables.ts'
import type { Deps } from '../../deps.ts'
import { fromIso, toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { Report, RunningJupyter } from '../../jupyter/keeper.ts'
import { runningTask } from '../served.ts'
import { jupyterToken } from './served.ts'

type ActivityDeps = Pick<Deps, 'db' | 'box' | 'engines' | 'clock' | 'loop' | 'measurements'>

/** The notebooks whose Jupyter answers, and where. */
export async function runningJupyters(deps: ActivityDeps): Promise<RunningJupyter[]> {
  const rows = await deps.db
    .selectFrom('notebooks')
    .select('id')
    .where('endedAt', 'is', null)
    .where('readyAt', 'is not', null)
    .execute()
  const found = await Promise.all(rows.map(({ id }) => placeOf(deps, id)))
  return found.filter((one) => one !== null)
}

/**
 * Writes down what was seen of a notebook, if it is new or what is there is old: when it was used last, by a kernel or a
 * terminal that works, a GPU that is busy, or somebody who is connected.
 */
export async function noteActivity(deps: ActivityDeps, report: Report): Promise<void> {
  const { sight } = report
  if (!sight) return
  const row = await deps.db.selectFrom('notebooks').selectAll().where('id', '=', report.id).executeTakeFirst()
  if (!row || row.endedAt !== null || row.readyAt === null) return
  const now = deps.clock.now()
  const activity: NotebookActivity = {
    at: toIso(now),
    kernels: sight.kernels.length,
    busyKernels: sight.kernels.filter(({ state }) => state === 'busy').length,
    terminals: sight.terminals.length,
    busyTerminals: sight.terminals.filter(({ busy }) => busy === true).length,
    connections: report.sockets,
    busyGpus: await busyGpus(deps, report.id),
  }
  const isInUse = activity.busyKernels + activity.busyTerminals + activity.connections + activity.busyGpus > 0
  const times = [...sight.kernels, ...sight.terminals].map(({ lastActivity }) => Date.parse(lastActivity) || 0)
  const seen = isInUse ? now : Math.min(now, Math.max(report.usedAt, fromIso(row.readyAt), ...times))
  const usedAt = Math.max(seen, row.lastActivityAt === null ? 0 : fromIso(row.lastActivityAt))
  if (!isWorthNoting(row, activity)) return
  await deps.db
    .updateTable('notebooks')
    .set(({ eb }) => ({
      activity: JSON.stringify(activity),
      lastActivityAt: toIso(usedAt),
      version: eb('version', '+', 1),
    }))
    .where('id', '=', row.id)
    .where('session', '=', row.session)
    .where('endedAt', 'is', null)
    .execute()
  deps.loop.wake(row.id)
}

async function placeOf(deps: ActivityDeps, id: string): Promise<RunningJupyter | null> {
  const task = await runningTask(deps, id)
  const address = task && (await deps.engines.get(task.engine)?.address(task.id, notebookPort))
  if (!address) return null
  const headers = { authorization: `token ${jupyterToken(deps.box, id)}` }
  return { id, place: { host: address.host, port: address.port, headers, prefix: '' } }
}

/** GPUs of its task that were in use since the last look: training uses one in bursts, with pauses to read data. */
async function busyGpus({ db, measurements, clock }: ActivityDeps, id: string): Promise<number> {
  const task = await db
    .selectFrom('tasks')
    .select('gpus')
    .where('ownerId', '=', id)
    .where('state', '=', 'running')
    .executeTakeFirst()
  const own = JSON.parse(task?.gpus ?? '[]') as number[]
  if (own.length === 0) return 0
  const from = clock.now() - limits.jupyterLookMs - limits.metricSampleMs
  const { series } = await measurements.read(id, { names: new Set(['gpuUtilization']), from, points: 2 })
  return series.filter(({ max, labels }) => max > 0 && own.includes(Number(labels['gpu']))).length
}

/** Noting every look would be a write to the disk for each notebook every few seconds. */
function isWorthNoting(row: NotebookRow, activity: NotebookActivity): boolean {
  if (row.activity === null) return true
  const { at, ...before } = JSON.parse(row.activity) as NotebookActivity
  const { at: _, ...after } = activity
  const isNew = JSON.stringify(before) !== JSON.stringify(after)
  return isNew || fromIso(activity.at) - fromIso(at) >= limits.notebookActivityMs
}
