import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { isDiskFull } from '../db/errors.ts'
import type { KeyRow, Tables, TeamRow, UserRow } from '../db/tables.ts'
import { inTransaction, type Trx } from '../db/transaction.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { assert } from '../lib/assert.ts'
import { type Clock, fromIso, toIso } from '../lib/clock.ts'
import { newId, randomText } from '../lib/ids.ts'
import { limits } from '../lib/limits.ts'
import type { Caller } from './kind.ts'

/** What the first start made. `secret` is the key itself: it is kept nowhere else. */
export interface FirstAccount {
  userName: string
  teamName: string
  secret: string
}

/**
 * On a database without users, makes the user `admin`, the team `main` with that user as its admin, and a key.
 * Returns null when there are users already.
 */
export async function bootstrap(db: Kysely<Tables>, clock: Clock): Promise<FirstAccount | null> {
  const now = clock.now()
  return inTransaction(db, async (trx) => {
    if (await trx.selectFrom('users').select('id').limit(1).executeTakeFirst()) return null
    const user = await insertUser(trx, 'admin', now)
    // Another server was faster.
    if (!user) return null
    const team = await insertTeam(trx, 'main', now)
    assert(team, 'a database without users has no teams')
    await insertMember(trx, { teamId: team.id, userId: user.id, role: 'admin', addedAt: toIso(now) })
    const { row, secret } = await makeKey(trx, { userId: user.id, teamId: team.id, name: 'first', now })
    await recordEvents(trx, now, [
      { teamId: team.id, subject: team.id, type: 'team.created', data: { name: team.name } },
      { teamId: team.id, subject: row.id, type: 'key.created', data: { name: row.name, user: user.name } },
    ])
    return { userName: user.name, teamName: team.name, secret }
  })
}

/**
 * Makes a key for the first admin there is, for an owner who has lost all keys: whoever can start the server on its
 * data folder owns it. Returns null when there is no admin at all.
 */
export async function makeOwnerKey(db: Kysely<Tables>, clock: Clock): Promise<FirstAccount | null> {
  const now = clock.now()
  return inTransaction(db, async (trx) => {
    const admin = await trx
      .selectFrom('members')
      .innerJoin('users', 'users.id', 'members.userId')
      .innerJoin('teams', 'teams.id', 'members.teamId')
      .select(['users.id as userId', 'users.name as userName', 'teams.id as teamId', 'teams.name as teamName'])
      .where('members.role', '=', 'admin')
      .orderBy('members.addedAt')
      .limit(1)
      .executeTakeFirst()
    if (!admin) return null
    const { userId, userName, teamId, teamName } = admin
    const name = `owner ${toIso(now).slice(0, 19)}`
    const { row, secret } = await makeKey(trx, { userId, teamId, name, now })
    const data = { name: row.name, user: userName }
    await recordEvents(trx, now, [{ teamId, subject: row.id, type: 'key.created', data }])
    return { userName, teamName, secret }
  })
}

/**
 * Tells who the key `secret` speaks for, by what the database says now: a key that is revoked and a person who is
 * taken out of the team are refused at once. Throws AppError `unauthenticated` or `key_expired`.
 */
export async function authenticate(
  db: Kysely<Tables>,
  clock: Clock,
  secret: string,
): Promise<Caller & { keyId: string }> {
  if (!keyPattern.test(secret)) throw new AppError('unauthenticated')
  return callerOfKey(db, clock, 'hash', hashSecret(secret))
}

/** Who a key speaks for, found by its hash or its id. Throws AppError `unauthenticated` or `key_expired`. */
export async function callerOfKey(
  db: Kysely<Tables>,
  clock: Clock,
  by: 'hash' | 'id',
  value: string,
): Promise<Caller & { keyId: string }> {
  const found = await db
    .selectFrom('keys')
    .innerJoin('members', (join) =>
      join.onRef('members.teamId', '=', 'keys.teamId').onRef('members.userId', '=', 'keys.userId'),
    )
    .innerJoin('users', 'users.id', 'keys.userId')
    .innerJoin('teams', 'teams.id', 'keys.teamId')
    .select(['keys.id as keyId', 'keys.expiresAt', 'keys.lastUsedAt', 'members.role'])
    .select(['users.id as userId', 'users.name as userName', 'teams.id as teamId', 'teams.name as teamName'])
    .where(`keys.${by}`, '=', value)
    .executeTakeFirst()
  if (!found) throw new AppError('unauthenticated')
  const { expiresAt, lastUsedAt, role, ...caller } = found
  const now = clock.now()
  if (expiresAt !== null && fromIso(expiresAt) <= now)
    throw new AppError('key_expired', { date: expiresAt.slice(0, 10) })
  if (lastUsedAt === null || now - fromIso(lastUsedAt) >= limits.keyUsedMs) await noteUse(db, caller.keyId, now)
  return { ...caller, role: toRole(role), sessionId: null }
}

/** A new user; undefined if the name is taken. */
export async function insertUser(trx: Trx, name: string, now: number): Promise<UserRow | undefined> {
  return trx
    .insertInto('users')
    .values({ id: newId('user'), name, createdAt: toIso(now) })
    .onConflict((c) => c.column('name').doNothing())
    .returningAll()
    .executeTakeFirst()
}

/** A new team without members; undefined if the name is taken. */
export async function insertTeam(trx: Trx, name: string, now: number): Promise<TeamRow | undefined> {
  return trx
    .insertInto('teams')
    .values({ id: newId('team'), name, storageQuotaBytes: null, createdAt: toIso(now) })
    .onConflict((c) => c.column('name').doNothing())
    .returningAll()
    .executeTakeFirst()
}

/**
 * One of the caller's teams, by name or id, held until the end of the transaction so that nobody takes them out of it.
 * Throws AppError `not_found`.
 */
export async function holdOwnTeam(
  trx: Trx,
  userId: string,
  reference: string,
): Promise<TeamRow & { role: Caller['role'] }> {
  const found = await trx
    .selectFrom('members')
    .innerJoin('teams', 'teams.id', 'members.teamId')
    .select('teams.id')
    .where('members.userId', '=', userId)
    .where((eb) => eb.or([eb('teams.id', '=', reference), eb('teams.name', '=', reference)]))
    .execute()
  const id = (found.find((team) => team.id === reference) ?? found[0])?.id
  const team = id === undefined ? undefined : await holdTeam(trx, id)
  const member =
    team &&
    (await trx
      .selectFrom('members')
      .select('role')
      .where('teamId', '=', team.id)
      .where('userId', '=', userId)
      .executeTakeFirst())
  if (!team || !member) throw new AppError('not_found', { noun: 'team', id: reference })
  return { ...team, role: toRole(member.role) }
}

/**
 * Holds a team until the end of the transaction: changes to who belongs to it follow one another, on both databases,
 * since each begins by writing this row. Returns the team; undefined if it is not there.
 */
export async function holdTeam(trx: Trx, teamId: string): Promise<TeamRow | undefined> {
  return trx
    .updateTable('teams')
    .set((eb) => ({ name: eb.ref('name') }))
    .where('id', '=', teamId)
    .returningAll()
    .executeTakeFirst()
}

/** Puts a person into a team, or changes the role of one who is in it. */
export async function insertMember(
  trx: Trx,
  member: { teamId: string; userId: string; role: Caller['role']; addedAt: string },
): Promise<void> {
  await trx
    .insertInto('members')
    .values(member)
    .onConflict((c) => c.columns(['teamId', 'userId']).doUpdateSet({ role: member.role }))
    .execute()
}

/** Makes a key: its row, and the secret that is kept nowhere. `expiresInDays` left out: it does not expire. */
export async function makeKey(
  trx: Trx,
  key: { userId: string; teamId: string; name: string; now: number; expiresInDays?: number | undefined },
): Promise<{ row: KeyRow; secret: string }> {
  const secret = `nabla_${randomText(32)}`
  const { userId, teamId, name, now, expiresInDays } = key
  const row: KeyRow = {
    id: newId('key'),
    userId,
    teamId,
    name,
    prefix: secret.slice(0, prefixLength),
    hash: hashSecret(secret),
    createdAt: toIso(now),
    lastUsedAt: null,
    expiresAt: expiresInDays === undefined ? null : toIso(now + expiresInDays * dayMs),
  }
  await trx.insertInto('keys').values(row).execute()
  return { row, secret }
}

const keyPattern = /^nabla_[0-9a-z]{32}$/
/** Six characters of the secret: enough to tell keys apart, and the other 130 bits stay unknown. */
const prefixLength = 'nabla_'.length + 6
const dayMs = 24 * 60 * 60 * 1000

/** SHA-256 of a secret of ours. It is 160 random bits, so a slow hash would protect nothing more. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex')

export const toRole = (text: string): Caller['role'] => (text === 'admin' ? 'admin' : 'member')

async function noteUse(db: Kysely<Tables>, keyId: string, now: number): Promise<void> {
  try {
    await db
      .updateTable('keys')
      .set({ lastUsedAt: toIso(now) })
      .where('id', '=', keyId)
      .execute()
  } catch (error) {
    // It is only for people to read. On a full disk they must still get in, to make room.
    if (!isDiskFull(error)) throw error
  }
}
