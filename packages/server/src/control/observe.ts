import type { Acting } from './act.ts'
import type { TaskRow } from '../db/tables.ts'
import type { Engine, TaskExit, TaskReport } from '../engines/engine.ts'
import { toIso } from '../lib/clock.ts'
import { cutShort, type Task, type TaskPhase } from '../tasks/task.ts'

/** A change that was seen in the world and is not in the database yet. */
export interface Observation {
  task: Task
  changes: Partial<Omit<TaskRow, 'id' | 'version'>>
}

/**
 * Compares what the engines report with the tasks that are placed or running, and says what changed. What a task that
 * ended has said is complete before its end is observed. Reads only; the loop writes.
 *
 * @param complete completes the log of a task; rejects when that cannot be now, as on a full disk: its end is then
 *   observed at a later pass
 * @param tasks those in state `placed` or `running`, read before the engines are asked
 * @param acting tasks whose start is under way here may not be in the reports yet; those started here must be
 */
export async function observe(
  tasks: readonly Task[],
  engines: ReadonlyMap<string, Engine>,
  complete: (task: Task) => Promise<void>,
  acting: Pick<Acting, 'starting' | 'started'>,
  now: number,
): Promise<Observation[]> {
  // Taken before the engines are asked: a start that is done meanwhile may still be missing in what they answer.
  const starting = new Set(acting.starting.keys())
  const reports = new Map<string, Map<string, TaskReport>>()
  for (const name of new Set(tasks.map((task) => task.engine))) {
    const engine = engines.get(name)
    if (!engine) continue
    const list = await engine.list()
    reports.set(name, new Map(list.map((report) => [report.id, report])))
  }
  const observations: Observation[] = []
  for (const task of tasks) {
    const known = reports.get(task.engine)
    if (!known || starting.has(task.id)) continue
    const started = task.state === 'running' || acting.started.has(task.id)
    const changes = compare(task, known.get(task.id), started, now)
    if (changes) observations.push({ task, changes })
  }
  const completed = await Promise.allSettled(
    observations.map(async ({ task, changes }) => {
      if (changes.state === 'ended') await complete(task)
    }),
  )
  return observations.filter((_, index) => completed[index]?.status === 'fulfilled')
}

/** What a task that was not started, or that could not be, ends with. */
export function endedWith(task: Task, exit: TaskExit, now: number): Observation {
  return { task, changes: { state: 'ended', exit: JSON.stringify(exit), endedAt: toIso(now) } }
}

function compare(
  task: Task,
  report: TaskReport | undefined,
  started: boolean,
  now: number,
): Observation['changes'] | null {
  if (!report) {
    // Placed and unknown to the engine: it was never started, and will be, unless it is to stop.
    if (!started) return task.desired === 'stop' ? endedWith(task, cutShort, now).changes : null
    return endedWith(task, { cause: 'lost', code: null, blame: 'machine', reason: lostReason }, now).changes
  }
  const phases = JSON.stringify(mergePhases(task.phases, report))
  const runAt = report.phases.find((phase) => phase.phase === 'run')?.at
  const startedAt = runAt === undefined || task.startedAt !== null ? {} : { startedAt: toIso(runAt) }
  if (report.state === 'ended') {
    const exit = JSON.stringify(report.exit ?? { cause: 'lost', code: null, blame: 'machine', reason: lostReason })
    return { state: 'ended', exit, phases, endedAt: toIso(report.endedAt ?? now), ...startedAt }
  }
  const state = report.state === 'running' ? 'running' : task.state
  if (state === task.state && phases === JSON.stringify(task.phases)) return null
  return { state, phases, ...startedAt }
}

const lostReason = 'The machine lost it before it ended: it was restarted, or the task was killed from outside.'

function mergePhases(known: readonly TaskPhase[], report: TaskReport): TaskPhase[] {
  const queue = known.filter((phase) => phase.phase === 'queue' || phase.phase === 'files').slice(0, 2)
  const own = report.phases.filter(({ phase }) => !queue.some((other) => other.phase === phase))
  const image = report.image === undefined ? {} : { detail: report.image }
  const named = own.some(({ phase }) => phase === 'build') ? 'build' : 'image'
  return [...queue, ...own.map((entry) => (entry.phase === named ? { ...entry, ...image } : entry))]
}
