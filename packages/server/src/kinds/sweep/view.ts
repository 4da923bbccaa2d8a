import type { SweepSpec } from '@nabla/api/experiment'
import type { Trial, TrialState } from '@nabla/api/sweep'
import { frontOf } from '@nabla/api/sweep-views'
import type { TrialRow } from '../../db/sweep-tables.ts'
import type { Db } from '../../deps.ts'

/** A trial as the contract has it. */
export function toTrial(row: TrialRow, { search }: SweepSpec): Trial {
  const own = row.objectives === null ? null : (JSON.parse(row.objectives) as number[])
  return {
    number: row.number,
    values: JSON.parse(row.parameters) as Trial['values'],
    state: row.state as TrialState,
    objectives: own && Object.fromEntries(search.objectives.map(({ metric }, at) => [metric, own[at] ?? 0])),
    step: row.step,
    reason: row.reason,
    job: row.jobId,
    from: row.fromTrial,
    cost: row.cost,
    askedAt: row.askedAt,
    endedAt: row.endedAt,
  }
}

const mostBest = 100

/** The best trial; with several objectives the first front. Stopped ones only when none is complete. */
export async function bestOf(db: Db, experimentId: string, spec: SweepSpec): Promise<Trial[]> {
  const read = (state: TrialState) =>
    db
      .selectFrom('trials')
      .select(['number', 'objectives'])
      .where('experimentId', '=', experimentId)
      .where('state', '=', state)
      .orderBy('number')
      .execute()
  const complete = await read('complete')
  const candidates = complete.length > 0 ? complete : await read('stopped')
  const signs = spec.search.objectives.map(({ direction }) => (direction === 'maximize' ? -1 : 1))
  const costs = candidates.map(({ objectives }) =>
    (JSON.parse(objectives ?? '[]') as number[]).map((value, at) => value * (signs[at] ?? 1)),
  )
  const numbers = chosen(costs).map((at) => candidates[at]?.number ?? -1)
  if (numbers.length === 0) return []
  const rows = db.selectFrom('trials').selectAll().where('experimentId', '=', experimentId)
  const best = await rows.where('number', 'in', numbers).orderBy('number').execute()
  return best.map((row) => toTrial(row, spec))
}

function chosen(costs: readonly number[][]): number[] {
  if ((costs[0]?.length ?? 0) > 1) return frontOf(costs).slice(0, mostBest)
  let best = -1
  costs.forEach(([cost = Infinity], at) => {
    if (best === -1 || cost < (costs[best]?.[0] ?? Infinity)) best = at
  })
  return best === -1 ? [] : [best]
}
