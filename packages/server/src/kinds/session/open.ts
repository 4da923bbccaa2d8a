import type { Kysely } from 'kysely'
import { isDiskFull } from '../../db/errors.ts'
import type { SessionRow, Tables } from '../../db/tables.ts'
import { inTransaction, type Trx } from '../../db/transaction.ts'
import { AppError } from '../../lib/app-error.ts'
import { type Clock, fromIso, toIso } from '../../lib/clock.ts'
import { newId, randomText } from '../../lib/ids.ts'
import { limits } from '../../lib/limits.ts'
import { hashSecret, toRole } from '../account.ts'
import type { Caller } from '../kind.ts'

/** Whose session it is, and what it looks like to them. */
export interface NewSession {
  userId: string
  teamId: string
  /** The key that it ends with; null: it was made with a password. */
  keyId: string | null
  agent: string
  address: string
}

/**
 * Makes a session: its row, and the token that is kept nowhere. Forgets sessions that have expired, and the oldest
 * of a user who has too many.
 */
export async function openSession(
  trx: Trx,
  given: NewSession,
  now: number,
): Promise<{ row: SessionRow; token: string }> {
  await trx.deleteFrom('sessions').where('expiresAt', '<=', toIso(now)).execute()
  const tooMany = await trx
    .selectFrom('sessions')
    .select('id')
    .where('userId', '=', given.userId)
    .orderBy('lastUsedAt', 'desc')
    .limit(limits.planBatch)
    .offset(limits.sessionsPerUser - 1)
    .execute()
  const ids = tooMany.map(({ id }) => id)
  if (ids.length > 0) await trx.deleteFrom('sessions').where('id', 'in', ids).execute()
  const token = randomText(tokenLength)
  const row: SessionRow = {
    id: newId('session'),
    userId: given.userId,
    teamId: given.teamId,
    keyId: given.keyId,
    address: given.address,
    agent: given.agent.slice(0, agentCharacters),
    hash: hashSecret(token),
    createdAt: toIso(now),
    lastUsedAt: toIso(now),
    expiresAt: toIso(now + limits.sessionIdleMs),
  }
  await trx.insertInto('sessions').values(row).execute()
  return { row, token }
}

/**
 * Tells who the session with this token speaks for, by what the database says now: it ends with its key, and with
 * its user's place in the team. Its use puts off its end. Throws AppError `session_ended`.
 */
export async function authenticateSession(db: Kysely<Tables>, clock: Clock, token: string): Promise<Caller> {
  if (!tokenPattern.test(token)) throw new AppError('session_ended')
  return callerOfSession(db, clock, 'hash', hashSecret(token))
}

/** Who a session speaks for, found by its hash or its id. Throws AppError `session_ended`. */
export async function callerOfSession(
  db: Kysely<Tables>,
  clock: Clock,
  by: 'hash' | 'id',
  value: string,
): Promise<Caller> {
  const found = await db
    .selectFrom('sessions')
    .innerJoin('members', (join) =>
      join.onRef('members.teamId', '=', 'sessions.teamId').onRef('members.userId', '=', 'sessions.userId'),
    )
    .innerJoin('users', 'users.id', 'sessions.userId')
    .innerJoin('teams', 'teams.id', 'sessions.teamId')
    .leftJoin('keys', 'keys.id', 'sessions.keyId')
    .select(['sessions.id as sessionId', 'sessions.keyId', 'sessions.createdAt', 'sessions.lastUsedAt'])
    .select(['sessions.expiresAt', 'keys.id as keyThere', 'keys.expiresAt as keyExpiresAt', 'members.role'])
    .select(['users.id as userId', 'users.name as userName', 'teams.id as teamId', 'teams.name as teamName'])
    .where(`sessions.${by}`, '=', value)
    .executeTakeFirst()
  if (!found) throw new AppError('session_ended')
  const { createdAt, lastUsedAt, expiresAt, keyThere, keyExpiresAt, role, ...caller } = found
  const now = clock.now()
  const keyEnded = caller.keyId !== null && (keyThere === null || (keyExpiresAt !== null && keyExpiresAt <= toIso(now)))
  if (keyEnded || expiresAt <= toIso(now)) throw new AppError('session_ended')
  if (now - fromIso(lastUsedAt) >= limits.keyUsedMs) await noteUse(db, caller.sessionId, fromIso(createdAt), now)
  return { ...caller, role: toRole(role) }
}

/** Ends the session with this token, if there is one. */
export async function endSession(trx: Trx, token: string): Promise<void> {
  await trx.deleteFrom('sessions').where('hash', '=', hashSecret(token)).execute()
}

/** Ends what a user has in a team: sessions that act in it, or were made with a key of it. */
export async function endSessionsIn(trx: Trx, userId: string, teamId: string): Promise<void> {
  const keys = trx.selectFrom('keys').select('id').where('userId', '=', userId).where('teamId', '=', teamId)
  await trx
    .deleteFrom('sessions')
    .where('userId', '=', userId)
    .where((eb) => eb.or([eb('teamId', '=', teamId), eb('keyId', 'in', keys)]))
    .execute()
  await trx.deleteFrom('signInCodes').where('userId', '=', userId).where('teamId', '=', teamId).execute()
}

/** Makes a code that signs one browser in as a key does, within ten minutes. */
export async function makeSignInCode(
  db: Kysely<Tables>,
  clock: Clock,
  { userId, teamId, keyId }: { userId: string; teamId: string; keyId: string },
): Promise<{ code: string; expiresAt: string }> {
  const now = clock.now()
  const code = randomText(tokenLength)
  const expiresAt = toIso(now + limits.signInCodeMs)
  await inTransaction(db, async (trx) => {
    await trx.deleteFrom('signInCodes').where('expiresAt', '<=', toIso(now)).execute()
    const open = await trx.selectFrom('signInCodes').select('hash').where('keyId', '=', keyId).execute()
    if (open.length >= limits.signInCodesPerKey) {
      throw new AppError('busy', { detail: `this API key has ${open.length} sign-in links that nobody has opened yet` })
    }
    await trx
      .insertInto('signInCodes')
      .values({ hash: hashSecret(code), userId, teamId, keyId, expiresAt })
      .execute()
  })
  return { code, expiresAt }
}

/** The key that a code stands for; the code is gone. Throws AppError `wrong_code`. */
export async function takeSignInCode(db: Kysely<Tables>, clock: Clock, code: string): Promise<string> {
  const taken = await db
    .deleteFrom('signInCodes')
    .where('hash', '=', hashSecret(code))
    .returning(['keyId', 'expiresAt'])
    .executeTakeFirst()
  if (!taken || fromIso(taken.expiresAt) <= clock.now()) throw new AppError('wrong_code')
  return taken.keyId
}

/** 160 random bits. */
const tokenLength = 32
const tokenPattern = /^[0-9a-z]{32}$/
/** The names of browsers are shorter; only their beginning tells anything. */
const agentCharacters = 250

async function noteUse(db: Kysely<Tables>, id: string, madeAt: number, now: number): Promise<void> {
  const expiresAt = toIso(Math.min(now + limits.sessionIdleMs, madeAt + limits.sessionMs))
  try {
    await db
      .updateTable('sessions')
      .set({ lastUsedAt: toIso(now), expiresAt })
      .where('id', '=', id)
      .execute()
  } catch (error) {
    // On a full disk people must still get in, to make room.
    if (!isDiskFull(error)) throw error
  }
}
