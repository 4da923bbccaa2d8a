import type { Tensorboard, TensorboardState } from '@nabla/api/tensorboard'
import type { TensorboardRow } from '../../db/tensorboard-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Db } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import type { Caller, Origins } from '../kind.ts'
import { labelOf } from '../served.ts'
import { readSources } from './task.ts'

/** A TensorBoard's row with the names it refers to. */
export interface TensorboardWithNames extends TensorboardRow {
  projectName: string
  userName: string
}

/** Selects those of one team that are not deleted: every read of TensorBoards starts here. */
export function selectTensorboards(db: Db | Trx, teamId: string) {
  return db
    .selectFrom('tensorboards')
    .innerJoin('projects', 'projects.id', 'tensorboards.projectId')
    .innerJoin('users', 'users.id', 'tensorboards.createdBy')
    .selectAll('tensorboards')
    .select(['projects.name as projectName', 'users.name as userName'])
    .where('tensorboards.teamId', '=', teamId)
    .where('tensorboards.deletedAt', 'is', null)
}

/** The newest of that name, or the one with that id. Throws AppError `not_found`. */
export async function findTensorboard(db: Db, caller: Caller, reference: string): Promise<TensorboardWithNames> {
  const rows = selectTensorboards(db, caller.teamId)
  const row =
    (await rows.where('tensorboards.id', '=', reference).executeTakeFirst()) ??
    (await rows
      .where('tensorboards.name', '=', reference)
      .orderBy('tensorboards.createdAt', 'desc')
      .limit(1)
      .executeTakeFirst())
  if (!row) throw new AppError('not_found', { noun: 'tensorboard', id: reference })
  return row
}

/** All there is to say about these, with as many queries as about one. */
export async function toTensorboards(
  db: Db,
  rows: readonly TensorboardWithNames[],
  origins: Origins,
): Promise<Tensorboard[]> {
  const sources = new Map(rows.map((row) => [row.id, readSources(row)]))
  const all = [...sources.values()]
  const jobs = await namesOf(
    db,
    'jobs',
    all.flatMap((one) => one.jobs),
  )
  const experiments = await namesOf(
    db,
    'experiments',
    all.flatMap((one) => one.experiments),
  )
  return rows.map((row) => {
    const own = sources.get(row.id)
    const origin = origins.served(labelOf(row.id))
    return {
      id: row.id,
      name: row.name,
      project: { id: row.projectId, name: row.projectName },
      state: row.state as TensorboardState,
      reason: row.reason,
      jobs: (own?.jobs ?? []).flatMap((id) => jobs.get(id) ?? []),
      experiments: (own?.experiments ?? []).flatMap((id) => experiments.get(id) ?? []),
      idleMinutes: row.idleMinutes,
      address: origin === null ? null : `${origin}/`,
      createdBy: { id: row.createdBy, name: row.userName },
      createdAt: row.createdAt,
      startedAt: row.startedAt,
      usedAt: row.usedAt,
      endedAt: row.endedAt,
    }
  })
}

async function namesOf(
  db: Db,
  table: 'jobs' | 'experiments',
  ids: readonly string[],
): Promise<Map<string, { id: string; name: string }>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom(table)
    .select(['id', 'name'])
    .where('id', 'in', [...new Set(ids)])
    .where('deletedAt', 'is', null)
    .execute()
  return new Map(rows.map((row) => [row.id, row]))
}
