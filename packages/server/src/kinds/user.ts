import type { Identity } from '@nabla/api/user'
import { isUniqueViolation } from '../db/errors.ts'
import { isAfter, toPage } from '../db/paging.ts'
import type { Deps } from '../deps.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { hashPassword } from '../lib/password.ts'
import type { Caller, Handlers } from './kind.ts'
import { checkOwnPassword } from './session/credentials.ts'

export const userHandlers: Handlers<'user'> = {
  me: ({ caller }, deps) => identityOf(deps, caller),

  async rename({ caller, body: { name } }, deps) {
    const { userId, userName, teamId } = caller
    try {
      await change(deps, async (trx) => {
        await trx.updateTable('users').set({ name }).where('id', '=', userId).execute()
        const event = { teamId, subject: userId, type: 'user.renamed', data: { name, before: userName } }
        await recordEvents(trx, deps.clock.now(), [{ ...event, actor: name }])
      })
    } catch (error) {
      if (isUniqueViolation(error)) throw new AppError('name_taken', { noun: 'user', name })
      throw error
    }
    return identityOf(deps, { ...caller, userName: name })
  },

  async setPassword({ caller, body }, deps) {
    const { userId, userName, sessionId, teamId } = caller
    const before = await deps.db.selectFrom('passwords').select('hash').where('userId', '=', userId).executeTakeFirst()
    // Whoever has a key may make more of them: they are the user. A browser left open is not.
    if (before && sessionId !== null) await checkOwnPassword(deps, userName, body.current ?? '', before.hash)
    const hash = await hashPassword(body.password)
    const now = deps.clock.now()
    await change(deps, async (trx) => {
      const row = { hash, changedAt: toIso(now) }
      await trx
        .insertInto('passwords')
        .values({ userId, ...row })
        .onConflict((conflict) => conflict.column('userId').doUpdateSet(row))
        .execute()
      await trx
        .deleteFrom('sessions')
        .where('userId', '=', userId)
        .where('id', '!=', sessionId ?? '')
        .execute()
      const event = { teamId, subject: userId, type: 'password.changed', data: { name: userName } }
      await recordEvents(trx, now, [{ ...event, actor: userName }])
    })
    return { changed: true }
  },

  async list({ caller, query }, { db }) {
    const rows = await db
      .selectFrom('users')
      .innerJoin('members', 'members.userId', 'users.id')
      .select(['users.id', 'users.name', 'users.createdAt'])
      .where('members.teamId', '=', caller.teamId)
      .where(isAfter('users.createdAt', 'users.id', query.after))
      .orderBy('users.createdAt', 'desc')
      .orderBy('users.id', 'desc')
      .limit(query.limit + 1)
      .execute()
    return toPage(
      rows,
      query.limit,
      (row) => row,
      (row) => row,
    )
  },
}

/** What a caller is told of themselves. Throws AppError `unauthenticated` if they are gone meanwhile. */
export async function identityOf({ db }: Pick<Deps, 'db'>, caller: Caller): Promise<Identity> {
  const { userId, keyId, sessionId } = caller
  const [user, key, session] = await Promise.all([
    db
      .selectFrom('users')
      .leftJoin('passwords', 'passwords.userId', 'users.id')
      .select(['users.createdAt', 'passwords.userId as passwordOf'])
      .where('users.id', '=', userId)
      .executeTakeFirst(),
    keyId === null
      ? null
      : db.selectFrom('keys').select(['id', 'name', 'expiresAt']).where('id', '=', keyId).executeTakeFirst(),
    sessionId === null
      ? null
      : db.selectFrom('sessions').select(['id', 'expiresAt']).where('id', '=', sessionId).executeTakeFirst(),
  ])
  if (!user || key === undefined || session === undefined) throw new AppError('unauthenticated')
  return {
    user: { id: userId, name: caller.userName, createdAt: user.createdAt },
    team: { id: caller.teamId, name: caller.teamName },
    role: caller.role,
    key,
    session,
    hasPassword: user.passwordOf !== null,
  }
}
