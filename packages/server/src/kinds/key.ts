import type { Key } from '@nabla/api/key'
import type { KeyRow } from '../db/tables.ts'
import { isAfter, toPage } from '../db/paging.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { holdOwnTeam, makeKey } from './account.ts'
import type { Handlers } from './kind.ts'

export const keyHandlers: Handlers<'key'> = {
  async list({ caller, query }, { db }) {
    const rows = await db
      .selectFrom('keys')
      .innerJoin('teams', 'teams.id', 'keys.teamId')
      .selectAll('keys')
      .select('teams.name as teamName')
      .where('keys.userId', '=', caller.userId)
      .where(isAfter('keys.createdAt', 'keys.id', query.after))
      .orderBy('keys.createdAt', 'desc')
      .orderBy('keys.id', 'desc')
      .limit(query.limit + 1)
      .execute()
    return toPage(
      rows,
      query.limit,
      (row) => row,
      (row) => toKey(row, row.teamName),
    )
  },

  async create({ caller, body }, deps) {
    const now = deps.clock.now()
    return change(deps, async (trx) => {
      const team = await holdOwnTeam(trx, caller.userId, body.team ?? caller.teamId)
      const { name, expiresInDays } = body
      const { row, secret } = await makeKey(trx, { userId: caller.userId, teamId: team.id, name, expiresInDays, now })
      const data = { name, user: caller.userName, expiresAt: row.expiresAt }
      await recordEvents(trx, now, [
        { teamId: team.id, subject: row.id, type: 'key.created', actor: caller.userName, data },
      ])
      return { ...toKey(row, team.name), secret }
    })
  },

  async revoke({ caller, params }, deps) {
    const now = deps.clock.now()
    await change(deps, async (trx) => {
      // Two that revoke at the same time must not take the last two keys: holding the user makes them take turns.
      await trx
        .updateTable('users')
        .set((eb) => ({ name: eb.ref('name') }))
        .where('id', '=', caller.userId)
        .execute()
      const keys = await trx.selectFrom('keys').selectAll().where('userId', '=', caller.userId).execute()
      const key = chooseKey(keys, params.key)
      const works = ({ expiresAt }: KeyRow) => expiresAt === null || expiresAt > toIso(now)
      if (works(key) && keys.filter(works).length === 1) {
        throw new AppError('conflict', { detail: 'It is your only key that works: make another one first.' })
      }
      await trx.deleteFrom('keys').where('id', '=', key.id).where('userId', '=', caller.userId).execute()
      await trx.deleteFrom('sessions').where('keyId', '=', key.id).execute()
      await trx.deleteFrom('signInCodes').where('keyId', '=', key.id).execute()
      const data = { name: key.name, user: caller.userName }
      await recordEvents(trx, now, [
        { teamId: key.teamId, subject: key.id, type: 'key.revoked', actor: caller.userName, data },
      ])
    })
    return { revoked: true }
  },
}

function chooseKey(keys: readonly KeyRow[], reference: string): KeyRow {
  const byId = keys.find((key) => key.id === reference)
  const [key, ...more] = byId ? [byId] : keys.filter((key) => key.name === reference)
  if (!key) throw new AppError('not_found', { noun: 'key', id: reference })
  if (more.length > 0) {
    const ids = [key, ...more].map((key) => key.id).join(', ')
    throw new AppError('conflict', { detail: `You have several keys named ${reference}: name one by its id (${ids}).` })
  }
  return key
}

function toKey(row: KeyRow, teamName: string): Key {
  const { id, name, prefix, createdAt, lastUsedAt, expiresAt } = row
  return { id, name, team: { id: row.teamId, name: teamName }, prefix, createdAt, lastUsedAt, expiresAt }
}
