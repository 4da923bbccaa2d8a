import type { DeploymentState } from '@nabla/api/deployment'
import type { Action } from '../../control/action.ts'
import type { DeploymentRow, InstanceRow } from '../../db/deployment-tables.ts'
import { fromIso, toIso } from '../../lib/clock.ts'

/** What the planner may change in a deployment's row; `failure` goes to its newest revision. */
export type DeploymentChanges = Partial<
  Pick<DeploymentRow, 'state' | 'reason' | 'servingRevision' | 'rollout' | 'canaryPercent' | 'shadowAt' | 'endedAt'>
> & { failure?: { instanceId: string; reason: string; failedAt: string } }

export interface NewInstance {
  revision: number
}

export type DeploymentAction = Action<DeploymentChanges, NewInstance>

/** A deployment as its planner sees it. */
export interface DeploymentWant {
  row: DeploymentRow
  /** Of the newest revision: no two instances at a time. */
  alone: boolean
  drainMs: number
  startLimitMs: number
  /** It is woken by requests when it has no instances. */
  wakes: boolean
  /** Those that have not ended, oldest first. */
  instances: readonly InstanceRow[]
}

/** A new instance that has had no place for so long waits for those that it is to replace. */
const placeWaitMs = 5000

/** So often a command that has never been ready may end before its revision has failed. */
export const startTries = 3

/** How many instances a deployment is to have while it runs. */
export function wantedOf(row: Pick<DeploymentRow, 'startedAt' | 'scaledTo' | 'instances'>): number {
  return row.startedAt === null ? 0 : (row.scaledTo ?? row.instances)
}

/**
 * Compares which revisions and how many instances are wanted with what there is. Pure.
 *
 * A new instance is ready before an old one goes, with one more than wanted at most. A revision whose instances do not
 * come up has failed: those of the one before were never touched. Instances are asked to go by `stopChild`; they drain
 * by themselves.
 */
export function planDeployment(want: DeploymentWant, now: number): DeploymentAction[] {
  const { row } = want
  if (row.endedAt !== null) return []
  if (row.deletedAt !== null || row.startedAt === null) return stopping(want, now)
  if (row.rollout === 'rolling') return rolling(want, now)
  if (row.rollout === 'canary') return canary(want, now)
  const revision = row.rollout === 'failed' ? (row.servingRevision ?? row.revision) : row.revision
  const actions = [
    ...stops(
      want,
      live(want).filter((one) => one.revision !== revision),
    ),
    ...hold(want, revision, wantedOf(row)),
  ]
  return [...actions, ...status(want, stateOf(want), reasonOf(want))]
}

function stopping(want: DeploymentWant, now: number): DeploymentAction[] {
  const { row, instances } = want
  const graceMs = row.deletedAt === null ? want.drainMs : 0
  const going = instances.filter(({ drainAt, drainMs }) => drainAt === null || drainMs > graceMs)
  const asked = going.map(({ id }): DeploymentAction => ({ do: 'stopChild', id, graceMs, why: null }))
  if (instances.length > 0) return [...asked, ...status(want, 'stopping', null)]
  if (row.deletedAt === null) return status(want, 'stopped', null)
  return [{ do: 'setStatus', changes: { state: 'stopped', reason: null, endedAt: toIso(now) } }]
}

/** The newest revision takes over from the one before. */
function rolling(want: DeploymentWant, now: number): DeploymentAction[] {
  const { row } = want
  const wanted = wantedOf(row)
  const [news, olds] = sides(want)
  const failed = failureOf(want, news, now)
  if (failed && row.servingRevision !== null) return fail(want, failed)
  if (news.filter(isReady).length >= wanted && olds.length === 0 && extra(news, wanted).length === 0) return done(want)
  const told = failed ? failing(want, failed) : status(want, stateOf(want), reasonOf(want))
  return [...turn(want, news, olds, wanted, now), ...told, ...wake(want, news, now)]
}

function turn(
  want: DeploymentWant,
  news: readonly InstanceRow[],
  olds: readonly InstanceRow[],
  wanted: number,
  now: number,
): DeploymentAction[] {
  const { row, alone, instances } = want
  if (alone && instances.some(({ revision }) => revision !== row.revision)) return stops(want, olds)
  const room = olds.length === 0 ? wanted : wanted + 1 - olds.length
  const lacking = Math.max(0, Math.min(wanted, room) - news.length)
  // Where the machine is full, an old one makes room: better fewer for a while than waiting for ever.
  const spared = news.some((one) => waitsForPlace(one, now)) ? 1 : 0
  const kept = Math.max(0, wanted - news.filter(isReady).length - spared)
  return [...create(row.revision, lacking), ...stops(want, extra(olds, kept)), ...stops(want, extra(news, wanted))]
}

/** Both revisions answer, each its share; or the newest gets copies only. */
function canary(want: DeploymentWant, now: number): DeploymentAction[] {
  const { row } = want
  const [news] = sides(want)
  const failed = failureOf(want, news, now)
  if (failed) return fail(want, failed)
  const wanted = wantedOf(row)
  const share = row.shadowAt === null ? (wanted * (row.canaryPercent ?? 0)) / 100 : 1
  const serving = row.servingRevision ?? row.revision
  return [
    ...hold(want, row.revision, wanted === 0 ? 0 : Math.max(1, Math.ceil(share))),
    ...hold(want, serving, wanted),
    ...stops(
      want,
      live(want).filter(({ revision }) => revision !== row.revision && revision !== serving),
    ),
    ...status(want, stateOf(want), reasonOf(want)),
    ...wake(want, news, now),
  ]
}

/** So many instances of a revision, no more and no fewer. */
function hold(want: DeploymentWant, revision: number, count: number): DeploymentAction[] {
  const own = live(want).filter((one) => one.revision === revision)
  const others = want.instances.some((one) => one.revision !== revision)
  // The port of the machine is free only once the last one is gone.
  const room = want.alone && (others || want.instances.length > own.length) ? 0 : Infinity
  return [...create(revision, Math.min(room, count - own.length)), ...stops(want, extra(own, count))]
}

function create(revision: number, count: number): DeploymentAction[] {
  if (count <= 0) return []
  return [{ do: 'create', children: Array.from({ length: count }, () => ({ revision })) }]
}

const stops = (want: DeploymentWant, instances: readonly InstanceRow[]): DeploymentAction[] =>
  instances.map(({ id, readyAt }) => ({ do: 'stopChild', id, graceMs: readyAt === null ? 0 : want.drainMs, why: null }))

/** Those beyond a number: first the ones that are of no use yet, then the youngest. */
function extra(instances: readonly InstanceRow[], count: number): InstanceRow[] {
  const byUse = instances.toSorted(
    (a, b) => Number(isReady(b)) - Number(isReady(a)) || (a.createdAt < b.createdAt ? -1 : 1),
  )
  return byUse.slice(Math.max(0, count))
}

const live = ({ instances }: DeploymentWant): InstanceRow[] => instances.filter(({ drainAt }) => drainAt === null)

/** Those of the newest revision, and all others. */
function sides(want: DeploymentWant): [InstanceRow[], InstanceRow[]] {
  const { revision } = want.row
  const all = live(want)
  return [all.filter((one) => one.revision === revision), all.filter((one) => one.revision !== revision)]
}

const isReady = ({ readyAt, drainAt }: InstanceRow): boolean => readyAt !== null && drainAt === null

const waitsForPlace = ({ state, createdAt }: InstanceRow, now: number): boolean =>
  state === 'pending' && now - fromIso(createdAt) >= placeWaitMs

interface Failure {
  instanceId: string
  reason: string
  failedAt: string
}

/** An instance that does not come up, and never was. */
function failureOf(want: DeploymentWant, news: readonly InstanceRow[], now: number): Failure | null {
  const failedAt = toIso(now)
  for (const { id, firstReadyAt, restarts, reason, startedAt } of news) {
    if (firstReadyAt !== null) continue
    if (restarts >= startTries)
      return { instanceId: id, reason: reason ?? 'Its command ended again and again.', failedAt }
    if (startedAt === null || now - fromIso(startedAt) < want.startLimitMs) continue
    return { instanceId: id, reason: `An instance was not ready after ${want.startLimitMs / 1000} s.`, failedAt }
  }
  return null
}

function wake(want: DeploymentWant, news: readonly InstanceRow[], now: number): DeploymentAction[] {
  const times = news
    .filter(({ firstReadyAt }) => firstReadyAt === null)
    .map(({ startedAt, createdAt }) =>
      startedAt === null ? fromIso(createdAt) + placeWaitMs : fromIso(startedAt) + want.startLimitMs,
    )
    .filter((at) => at > now)
  if (times.length === 0) return []
  const at = Math.min(...times)
  return want.row.wakeAt === toIso(at) ? [] : [{ do: 'wakeAt', at }]
}

function fail(want: DeploymentWant, failure: Failure): DeploymentAction[] {
  const { row } = want
  const reason = `Revision ${row.revision} did not come up, and revision ${row.servingRevision} goes on: ${failure.reason}`
  const state = stateOf({ ...want, row: { ...row, rollout: 'failed' } })
  return [
    {
      do: 'setStatus',
      changes: { rollout: 'failed', state, canaryPercent: null, shadowAt: null, reason, failure },
      event: { type: 'deployment.rollout_failed', data: { revision: row.revision, reason: failure.reason } },
    },
    // Looked at again in the same pass: its instances go, and the state is what is left.
    { do: 'wakeAt', at: fromIso(row.updatedAt) },
  ]
}

/** There is no revision before: its instances are tried again until somebody changes something. */
function failing(want: DeploymentWant, failure: Failure): DeploymentAction[] {
  const { state, reason } = want.row
  if (state === 'failed' && reason === failure.reason) return []
  return [
    {
      do: 'setStatus',
      changes: { state: 'failed', reason: failure.reason, failure },
      ...(state === 'failed' ? {} : { event: { type: 'deployment.failed', data: { reason: failure.reason } } }),
    },
  ]
}

function done(want: DeploymentWant): DeploymentAction[] {
  const { row } = want
  const after = { ...row, rollout: null, servingRevision: row.revision }
  const changes = { rollout: null, servingRevision: row.revision, canaryPercent: null, shadowAt: null }
  return [
    {
      do: 'setStatus',
      changes: { ...changes, state: stateOf({ ...want, row: after }), reason: null },
      event: { type: 'deployment.rolled_out', data: { revision: row.revision } },
    },
  ]
}

function status(want: DeploymentWant, state: DeploymentState, reason: string | null): DeploymentAction[] {
  const { row } = want
  if (row.state === state && row.reason === reason) return []
  const event =
    row.state === state ? {} : { event: { type: `deployment.${state}`, data: reason === null ? {} : { reason } } }
  return [{ do: 'setStatus', changes: { state, reason }, ...event }]
}

function stateOf(want: DeploymentWant): DeploymentState {
  const { row } = want
  const wanted = wantedOf(row)
  const ready = live(want).filter(isReady).length
  if (row.rollout === 'rolling' || row.rollout === 'canary') {
    if (wanted === 0) return want.wakes ? 'sleeping' : 'stopped'
    return ready === 0 || row.servingRevision === null ? 'starting' : 'updating'
  }
  if (wanted === 0) return want.wakes ? 'sleeping' : 'stopped'
  if (ready >= wanted) return 'running'
  if (ready > 0) return 'degraded'
  return live(want).some(({ restarts }) => restarts >= startTries) ? 'failed' : 'starting'
}

/** What keeps an instance from being ready; a revision that failed keeps its reason until the next change. */
function reasonOf(want: DeploymentWant): string | null {
  const { row } = want
  if (row.rollout === 'failed') return row.reason
  return live(want).find((one) => !isReady(one) && one.reason !== null)?.reason ?? null
}
