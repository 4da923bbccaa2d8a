import type { JobState } from '@nabla/api/job'
import type { WorkflowJobState, WorkflowRunState } from '@nabla/api/workflow-state'
import type { Action } from '../../control/action.ts'
import type { WorkflowJobRow, WorkflowRunRow } from '../../db/workflow-tables.ts'
import { toIso } from '../../lib/clock.ts'

type StepChange = Partial<Pick<WorkflowJobRow, 'state' | 'reason' | 'startedAt' | 'endedAt'>>

/** What the planner may change: in the run's row, and in those of its jobs, by name. */
export type RunChanges = Partial<Pick<WorkflowRunRow, 'state' | 'reason' | 'startedAt' | 'endedAt'>> & {
  steps?: Record<string, StepChange>
}

/** What a job of a run needs to be made: its job, or its outputs once that has ended. */
export interface NewPart {
  step: string
  make: 'job' | 'outputs'
}

export type RunAction = Action<RunChanges, NewPart>

/** A job of a run, as its planner sees it. */
export interface Step {
  name: string
  state: WorkflowJobState
  reason: string | null
  needs: readonly string[]
  /** Done by the server itself: it has outputs and no job. */
  ownWork: boolean
  hasOutputs: boolean
  startedAt: string | null
  /** Null: not made, or deleted since. */
  job: {
    id: string
    state: JobState
    reason: string | null
    startedAt: string | null
    endedAt: string | null
    stopRequestedAt: string | null
  } | null
  outputs: readonly { name: string; state: 'preparing' | 'ready' | 'failed'; reason: string | null }[]
}

/** A run as its planner sees it; `steps` in the order of the spec. */
export interface RunWant {
  row: WorkflowRunRow
  steps: readonly Step[]
}

const isOver = (state: WorkflowJobState): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'skipped' || state === 'cancelled'

/**
 * Compares what a run should be with what its jobs are. Pure. A job begins when all that it needs have succeeded, and
 * is skipped when one of them did not; those that do not depend on it go on. A stop always wins.
 */
export function planRun({ row, steps }: RunWant, now: number): RunAction[] {
  if (row.endedAt !== null) return []
  const at = toIso(now)
  const changes: Record<string, StepChange> = {}
  const states = new Map<string, WorkflowJobState>(steps.map(({ name, state }) => [name, state]))
  const parts: NewPart[] = []
  const set = (name: string, change: StepChange): void => {
    changes[name] = { ...changes[name], ...change }
    if (change.state) states.set(name, change.state as WorkflowJobState)
  }
  for (const step of steps) follow(step, row, at, set, parts)
  for (const step of inOrder(steps)) begin(step, row, at, states, set, parts)
  return [
    ...stops(row, steps),
    ...(parts.length > 0 ? [{ do: 'create' as const, children: parts }] : []),
    ...status({ row, steps }, states, changes, at),
  ]
}

type SetStep = (name: string, change: StepChange) => void

/** What has become of one that was begun. */
function follow(step: Step, row: WorkflowRunRow, at: string, set: SetStep, parts: NewPart[]): void {
  const { name, state, job } = step
  const end = (to: WorkflowJobState, reason: string | null) => set(name, { state: to, reason, endedAt: at })
  if (state === 'collecting') {
    const failed = step.outputs.find((output) => output.state === 'failed')
    if (row.stopRequestedAt !== null && step.outputs.some((output) => output.state === 'preparing')) {
      return end('cancelled', stoppedByHand)
    }
    if (step.outputs.some((output) => output.state === 'preparing')) return
    return failed
      ? end('failed', `Its output ${failed.name} could not be kept: ${failed.reason ?? ''}`)
      : end('succeeded', null)
  }
  if (state !== 'pending' && state !== 'running') return
  if (!job) return end('failed', 'Its job was deleted.')
  if (job.endedAt === null) {
    if (job.startedAt !== null && state === 'pending') set(name, { state: 'running', startedAt: job.startedAt })
    return
  }
  const startedAt = step.startedAt ?? job.startedAt
  if (job.state === 'succeeded' && step.hasOutputs && row.stopRequestedAt === null) {
    set(name, { state: 'collecting', startedAt })
    parts.push({ step: name, make: 'outputs' })
    return
  }
  if (startedAt !== step.startedAt) set(name, { startedAt })
  if (job.state === 'succeeded') return step.hasOutputs ? end('cancelled', stoppedByHand) : end('succeeded', null)
  end(job.state === 'cancelled' ? 'cancelled' : 'failed', job.reason)
}

/** Begins one that waits, once all that it needs have ended. */
function begin(
  step: Step,
  row: WorkflowRunRow,
  at: string,
  states: ReadonlyMap<string, WorkflowJobState>,
  set: SetStep,
  parts: NewPart[],
): void {
  const { name, needs, ownWork } = step
  if (step.state !== 'waiting') return
  if (row.stopRequestedAt !== null) return set(name, { state: 'cancelled', reason: stoppedByHand, endedAt: at })
  const stateOf = (needed: string) => states.get(needed) ?? 'failed'
  const missing = needs.find((needed) => isOver(stateOf(needed)) && stateOf(needed) !== 'succeeded')
  if (missing !== undefined) {
    const why = stateOf(missing) === 'skipped' ? 'was skipped' : 'did not succeed'
    return set(name, { state: 'skipped', reason: `${missing}, which it needs, ${why}.`, endedAt: at })
  }
  if (!needs.every((needed) => stateOf(needed) === 'succeeded')) return
  set(name, ownWork ? { state: 'collecting', startedAt: at } : { state: 'pending' })
  parts.push({ step: name, make: ownWork ? 'outputs' : 'job' })
}

/** Each after all that it needs, so that one look is enough for a whole chain of those that are skipped. */
function inOrder(steps: readonly Step[]): Step[] {
  const byName = new Map(steps.map((step) => [step.name, step]))
  const ordered = new Set<Step>()
  const add = (step: Step): void => {
    if (ordered.has(step)) return
    for (const needed of step.needs) {
      const other = byName.get(needed)
      if (other) add(other)
    }
    ordered.add(step)
  }
  for (const step of steps) add(step)
  return [...ordered]
}

function* stops(row: WorkflowRunRow, steps: readonly Step[]): Generator<RunAction> {
  if (row.stopRequestedAt === null) return
  for (const { job } of steps) {
    if (!job || job.endedAt !== null || job.stopRequestedAt !== null) continue
    yield { do: 'stopChild', id: job.id, graceMs: row.stopGraceMs, why: null }
  }
}

function status(
  { row, steps }: RunWant,
  states: ReadonlyMap<string, WorkflowJobState>,
  changes: Record<string, StepChange>,
  at: string,
): RunAction[] {
  const own = runChanges({ row, steps }, states, changes, at)
  if (own === null && Object.keys(changes).length === 0) return []
  const { event, ...more } = own ?? {}
  return [{ do: 'setStatus', changes: { ...more, steps: changes }, event: event ?? progress(row, changes) }]
}

interface Event {
  type: string
  data: Record<string, unknown>
}

/** What changes in the run itself; null: nothing. */
function runChanges(
  { row, steps }: RunWant,
  states: ReadonlyMap<string, WorkflowJobState>,
  changes: Readonly<Record<string, StepChange>>,
  at: string,
): (Omit<RunChanges, 'steps'> & { event: Event }) | null {
  const all = [...states.values()]
  const to = (state: WorkflowRunState, more: Omit<RunChanges, 'steps'>) => ({
    ...more,
    state,
    event: { type: `workflow.run_${state}`, data: { ...about(row), ...(more.reason ? { reason: more.reason } : {}) } },
  })
  if (all.every(isOver)) {
    if (all.every((state) => state === 'succeeded')) return to('succeeded', { endedAt: at, reason: null })
    if (row.stopRequestedAt !== null) return to('cancelled', { endedAt: at, reason: stoppedByHand })
    return to('failed', { endedAt: at, reason: firstFailure(steps, states, changes) })
  }
  if (row.stopRequestedAt !== null) return row.state === 'stopping' ? null : to('stopping', {})
  const began = all.some((state) => state !== 'waiting' && state !== 'pending')
  if (row.state === 'pending' && began) return to('running', { startedAt: at })
  return null
}

function firstFailure(
  steps: readonly Step[],
  states: ReadonlyMap<string, WorkflowJobState>,
  changes: Readonly<Record<string, StepChange>>,
): string {
  const failed = steps.find(({ name }) => states.get(name) === 'failed' || states.get(name) === 'cancelled')
  if (!failed) return 'A job did not succeed.'
  return `${failed.name}: ${changes[failed.name]?.reason ?? failed.reason ?? 'it did not succeed.'}`
}

const progress = (row: WorkflowRunRow, changes: Readonly<Record<string, StepChange>>): Event => ({
  type: 'workflow.run_progress',
  data: {
    ...about(row),
    jobs: Object.entries(changes).flatMap(([name, { state }]) => (state ? [{ name, state }] : [])),
  },
})

const about = ({ workflowId, number }: WorkflowRunRow) => ({ workflow: workflowId, run: number })

const stoppedByHand = 'It was stopped by hand.'
