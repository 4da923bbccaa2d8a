import type { SearchSettings } from '@nabla/api/search'
import { experimentSpec } from '@nabla/api/experiment'
import type { TrialRow } from '../../db/sweep-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { AppError } from '../../lib/app-error.ts'
import { randomText } from '../../lib/ids.ts'
import { limits } from '../../lib/limits.ts'
import type { Values } from '../../search/dimension.ts'
import type { SearchEvent } from '../../search/search.ts'

/** Stores what a sweep has besides its experiment, with the trials of earlier ones that it begins with. */
export async function insertSweep(
  trx: Trx,
  teamId: string,
  experimentId: string,
  search: SearchSettings,
  pricePerHour: number | null,
): Promise<void> {
  const known: SearchEvent[] = []
  for (const reference of search.warmStart) known.push(...(await trialsOf(trx, teamId, reference, search)))
  const events = known.map((event, at) => numbered(event, -1 - at))
  await trx
    .insertInto('sweeps')
    .values({
      experimentId,
      mostTrials: search.trials,
      parallel: search.parallel,
      asked: 0,
      complete: 0,
      stopped: 0,
      failed: 0,
      failureStreak: 0,
      lastFailure: null,
      lastSeq: events.length,
      pausedAt: null,
      exhaustedAt: null,
      pricePerHour,
      spent: 0,
    })
    .execute()
  const rows = events.map((event, at) => ({
    experimentId,
    seq: at + 1,
    mark: randomText(8),
    event: JSON.stringify(event),
  }))
  for (let from = 0; from < rows.length; from += rowsAtOnce) {
    await trx
      .insertInto('trialEvents')
      .values(rows.slice(from, from + rowsAtOnce))
      .execute()
  }
}

/** Rows in one statement: far below the number of parameters that SQLite allows. */
const rowsAtOnce = 500

/** Below zero, so that none is a trial of this sweep. */
function numbered(event: SearchEvent, number: number): SearchEvent {
  return event.type === 'told' ? { ...event, outcome: { ...event.outcome, number } } : event
}

/** Trials of an earlier sweep that have values for these objectives and parameters. */
async function trialsOf(trx: Trx, teamId: string, reference: string, search: SearchSettings): Promise<SearchEvent[]> {
  const earlier = await trx
    .selectFrom('experiments')
    .select(['id', 'spec'])
    .where('teamId', '=', teamId)
    .where('kind', '=', 'sweep')
    .where('deletedAt', 'is', null)
    .where(({ eb, or }) => or([eb('id', '=', reference), eb('name', '=', reference)]))
    .orderBy('createdAt', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!earlier) throw new AppError('not_found', { noun: 'sweep', id: reference })
  const spec = experimentSpec.parse(JSON.parse(earlier.spec))
  if (spec.kind !== 'sweep') return []
  const places = search.objectives.map(({ metric }) => spec.search.objectives.findIndex((one) => one.metric === metric))
  if (places.includes(-1)) {
    const reason = `the sweep ${reference} has other objectives`
    throw new AppError('bad_experiment', { reason, fix: 'Begin with a sweep for the same metrics, or with none.' })
  }
  const rows = await endedTrials(trx, earlier.id)
  return rows.flatMap((row) => {
    const values = JSON.parse(row.parameters) as Values
    if (!fits(values, search)) return []
    const own = JSON.parse(row.objectives ?? '[]') as number[]
    const objectives = places.map((place) => own[place] ?? Number.NaN)
    const state = row.state as 'complete' | 'stopped'
    return [{ type: 'told', outcome: { number: row.number, values, state, objectives, step: row.step } }]
  })
}

/** In their order, read some at a time. */
async function endedTrials(trx: Trx, experimentId: string): Promise<TrialRow[]> {
  const found: TrialRow[] = []
  for (;;) {
    const page = await trx
      .selectFrom('trials')
      .selectAll()
      .where('experimentId', '=', experimentId)
      .where('state', 'in', ['complete', 'stopped'])
      .where('number', '>', found.at(-1)?.number ?? -1)
      .orderBy('number')
      .limit(limits.trialEventsAtOnce)
      .execute()
    found.push(...page)
    if (page.length < limits.trialEventsAtOnce) return found
  }
}

/** Whether each value belongs to a parameter of this space, and each parameter without condition has one. */
function fits(values: Values, { space }: SearchSettings): boolean {
  const known = Object.entries(values).every(([name, value]) => {
    const one = space[name]
    return one !== undefined && (one.type === 'choice' ? one.values.includes(value) : typeof value === 'number')
  })
  return known && Object.entries(space).every(([name, one]) => one.when !== undefined || Object.hasOwn(values, name))
}
