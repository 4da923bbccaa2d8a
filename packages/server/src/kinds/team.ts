import { displayName } from '@nabla/api/fields'
import type { Team, TeamMember } from '@nabla/api/team'
import type { Kysely } from 'kysely'
import { isUniqueViolation } from '../db/errors.ts'
import { isAfter, toPage } from '../db/paging.ts'
import type { Tables, TeamRow, UserRow } from '../db/tables.ts'
import type { Trx } from '../db/transaction.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { looksLikeId } from '../lib/ids.ts'
import { holdTeam, insertMember, insertTeam, insertUser, makeKey, toRole } from './account.ts'
import { endSessionsIn } from './session/open.ts'
import type { Caller, Handlers } from './kind.ts'

export const teamHandlers: Handlers<'team'> = {
  async list({ caller, query }, { db }) {
    const rows = await db
      .selectFrom('teams')
      .innerJoin('members', 'members.teamId', 'teams.id')
      .selectAll('teams')
      .select('members.role')
      .where('members.userId', '=', caller.userId)
      .where(isAfter('teams.createdAt', 'teams.id', query.after))
      .orderBy('teams.createdAt', 'desc')
      .orderBy('teams.id', 'desc')
      .limit(query.limit + 1)
      .execute()
    return toPage(
      rows,
      query.limit,
      (row) => row,
      (row) => toTeam(row, row.role),
    )
  },

  async create({ caller, body }, deps) {
    const now = deps.clock.now()
    const row = await change(deps, async (trx) => {
      const team = await insertTeam(trx, body.name, now)
      if (!team) throw new AppError('name_taken', { noun: 'team', name: body.name })
      await insertMember(trx, { teamId: team.id, userId: caller.userId, role: 'admin', addedAt: toIso(now) })
      await recordEvents(trx, now, [
        { teamId: team.id, subject: team.id, type: 'team.created', actor: caller.userName, data: { name: team.name } },
      ])
      return team
    })
    return toTeam(row, 'admin')
  },

  async update({ caller, params, body }, deps) {
    const now = deps.clock.now()
    const { name, storageQuotaBytes } = body
    const changes = {
      ...(name === undefined ? {} : { name }),
      ...(storageQuotaBytes === undefined ? {} : { storageQuotaBytes }),
    }
    try {
      const row = await change(deps, async (trx) => {
        const team = await callersTeam(trx, caller, params.team)
        if (Object.keys(changes).length === 0) return team
        await trx.updateTable('teams').set(changes).where('id', '=', team.id).execute()
        await recordEvents(trx, now, [
          { teamId: team.id, subject: team.id, type: 'team.updated', actor: caller.userName, data: changes },
        ])
        return { ...team, ...changes }
      })
      return toTeam(row, caller.role)
    } catch (error) {
      if (name !== undefined && isUniqueViolation(error)) throw new AppError('name_taken', { noun: 'team', name })
      throw error
    }
  },

  async members({ caller, params, query }, { db }) {
    const team = await callersTeam(db, caller, params.team)
    const rows = await db
      .selectFrom('members')
      .innerJoin('users', 'users.id', 'members.userId')
      .select(['users.id as userId', 'users.name', 'members.role', 'members.addedAt'])
      .where('members.teamId', '=', team.id)
      .where(isAfter('members.addedAt', 'members.userId', query.after))
      .orderBy('members.addedAt', 'desc')
      .orderBy('members.userId', 'desc')
      .limit(query.limit + 1)
      .execute()
    return toPage(rows, query.limit, (row) => ({ createdAt: row.addedAt, id: row.userId }), toMember)
  },

  async addMember({ caller, params, body }, deps) {
    const now = deps.clock.now()
    return change(deps, async (trx) => {
      const team = await holdCallersTeam(trx, caller, params.team)
      const { user, key } = await findOrMakeUser(trx, team.id, params.user, now)
      const before = await findMember(trx, team.id, user.id)
      if (body.role !== 'admin') await refuseLastAdmin(trx, team.id, user.id)
      const addedAt = before?.addedAt ?? toIso(now)
      await insertMember(trx, { teamId: team.id, userId: user.id, role: body.role, addedAt })
      const data = { name: user.name, role: body.role }
      const type = before ? 'member.changed' : 'member.added'
      await recordEvents(trx, now, [{ teamId: team.id, subject: user.id, type, actor: caller.userName, data }])
      return { member: { userId: user.id, name: user.name, role: body.role, addedAt }, key }
    })
  },

  async removeMember({ caller, params }, deps) {
    const now = deps.clock.now()
    await change(deps, async (trx) => {
      const team = await holdCallersTeam(trx, caller, params.team)
      const user = await findUser(trx, params.user)
      const member = user && (await findMember(trx, team.id, user.id))
      if (!user || !member) throw new AppError('not_found', { noun: 'user', id: params.user })
      await refuseLastAdmin(trx, team.id, user.id)
      await endSessionsIn(trx, user.id, team.id)
      await trx.deleteFrom('keys').where('teamId', '=', team.id).where('userId', '=', user.id).execute()
      await trx.deleteFrom('members').where('teamId', '=', team.id).where('userId', '=', user.id).execute()
      const event = { teamId: team.id, subject: user.id, type: 'member.removed', data: { name: user.name } }
      await recordEvents(trx, now, [{ ...event, actor: caller.userName }])
    })
    return { removed: true }
  },
}

/** The team of the caller's key; any other is not found, also another one of theirs. */
async function callersTeam(db: Kysely<Tables>, caller: Caller, reference: string): Promise<TeamRow> {
  const team = await db
    .selectFrom('teams')
    .selectAll()
    .where('id', '=', caller.teamId)
    .where((eb) => eb.or([eb('id', '=', reference), eb('name', '=', reference)]))
    .executeTakeFirst()
  if (!team) throw await noTeam(db, caller, reference)
  return team
}

/** One of the caller's other teams is told from one that is not there, or not theirs to know of. */
async function noTeam(db: Kysely<Tables>, caller: Caller, reference: string): Promise<AppError> {
  const other = await db
    .selectFrom('teams')
    .innerJoin('members', 'members.teamId', 'teams.id')
    .select('teams.name')
    .where('members.userId', '=', caller.userId)
    .where((eb) => eb.or([eb('teams.id', '=', reference), eb('teams.name', '=', reference)]))
    .executeTakeFirst()
  if (other) return new AppError('other_team', { team: other.name, mine: caller.teamName })
  return new AppError('not_found', { noun: 'team', id: reference })
}

async function holdCallersTeam(trx: Trx, caller: Caller, reference: string): Promise<TeamRow> {
  const team = await callersTeam(trx, caller, reference)
  await holdTeam(trx, team.id)
  // The role may have been taken away while this waited.
  const member = await findMember(trx, team.id, caller.userId)
  if (member?.role !== 'admin') throw new AppError('forbidden', { action: 'change who belongs to this team' })
  return team
}

async function findUser(trx: Trx, reference: string): Promise<UserRow | undefined> {
  const found = await trx
    .selectFrom('users')
    .selectAll()
    .where((eb) => eb.or([eb('id', '=', reference), eb('name', '=', reference)]))
    .execute()
  return found.find((user) => user.id === reference) ?? found[0]
}

/** A name that nobody has yet makes the user, with a first key for this team. */
async function findOrMakeUser(
  trx: Trx,
  teamId: string,
  reference: string,
  now: number,
): Promise<{ user: UserRow; key: string | null }> {
  const user = await findUser(trx, reference)
  if (user) return { user, key: null }
  if (looksLikeId('user', reference)) throw new AppError('not_found', { noun: 'user', id: reference })
  const name = displayName.safeParse(reference)
  if (!name.success) throw new AppError('invalid', { detail: `The name of a user: ${name.error.issues[0]?.message}.` })
  const made = await insertUser(trx, name.data, now)
  // Another admin was faster: the user is there now.
  if (!made) return findOrMakeUser(trx, teamId, reference, now)
  const { secret } = await makeKey(trx, { userId: made.id, teamId, name: 'first', now })
  return { user: made, key: secret }
}

async function findMember(trx: Trx, teamId: string, userId: string) {
  return trx
    .selectFrom('members')
    .select(['role', 'addedAt'])
    .where('teamId', '=', teamId)
    .where('userId', '=', userId)
    .executeTakeFirst()
}

/** A team without an admin could never be managed again. */
async function refuseLastAdmin(trx: Trx, teamId: string, userId: string): Promise<void> {
  const admins = await trx
    .selectFrom('members')
    .select('userId')
    .where('teamId', '=', teamId)
    .where('role', '=', 'admin')
    .limit(2)
    .execute()
  if (admins.length === 1 && admins[0]?.userId === userId) {
    throw new AppError('conflict', { detail: 'This is the last admin of the team: make somebody else an admin first.' })
  }
}

function toTeam(row: TeamRow, role: string): Team {
  const { id, name, storageQuotaBytes, createdAt } = row
  return { id, name, role: toRole(role), storageQuotaBytes, createdAt }
}

function toMember(row: { userId: string; name: string; role: string; addedAt: string }): TeamMember {
  return { ...row, role: toRole(row.role) }
}
