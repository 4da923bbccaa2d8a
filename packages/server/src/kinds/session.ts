import type { Session } from '@nabla/api/session'
import { isAfter, toPage } from '../db/paging.ts'
import type { SessionRow } from '../db/tables.ts'
import { inTransaction } from '../db/transaction.ts'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import { holdOwnTeam } from './account.ts'
import type { Caller, Handlers } from './kind.ts'
import { checkCredentials } from './session/credentials.ts'
import { endSession, makeSignInCode, openSession } from './session/open.ts'
import { identityOf } from './user.ts'

export const sessionHandlers: Handlers<'session'> = {
  async list({ caller, query }, { db }) {
    const rows = await db
      .selectFrom('sessions')
      .innerJoin('teams', 'teams.id', 'sessions.teamId')
      .leftJoin('keys', 'keys.id', 'sessions.keyId')
      .selectAll('sessions')
      .select(['teams.name as teamName', 'keys.name as keyName'])
      .where('sessions.userId', '=', caller.userId)
      .where(isAfter('sessions.createdAt', 'sessions.id', query.after))
      .orderBy('sessions.createdAt', 'desc')
      .orderBy('sessions.id', 'desc')
      .limit(query.limit + 1)
      .execute()
    return toPage(
      rows,
      query.limit,
      (row) => row,
      (row) => toSession(row, caller),
    )
  },

  async signIn({ body, headers, address, origins, answerHeaders }, deps) {
    const { caller, confirm } = await checkCredentials(deps, body, address)
    const secure = isSecure(origins.own)
    const before = deps.cookie.read(headers, secure)
    const agent = String(headers['user-agent'] ?? '')
    const { userId, teamId, keyId } = caller
    const { row, token } = await inTransaction(deps.db, async (trx) => {
      await confirm(trx)
      // The cookie is replaced, so nobody could end that session by it any more.
      if (before !== undefined) await endSession(trx, before)
      return openSession(trx, { userId, teamId, keyId, agent, address }, deps.clock.now())
    })
    answerHeaders['set-cookie'] = deps.cookie.write(token, secure, limits.sessionMs)
    return identityOf(deps, { ...caller, sessionId: row.id })
  },

  async signOut({ caller, origins, answerHeaders }, { db, cookie }) {
    await db.deleteFrom('sessions').where('id', '=', sessionOf(caller)).execute()
    answerHeaders['set-cookie'] = cookie.forget(isSecure(origins.own))
    return { ended: true }
  },

  async switchTeam({ caller, body }, deps) {
    const sessionId = sessionOf(caller)
    const team = await inTransaction(deps.db, async (trx) => {
      const found = await holdOwnTeam(trx, caller.userId, body.team)
      await trx.updateTable('sessions').set({ teamId: found.id }).where('id', '=', sessionId).execute()
      return found
    })
    return identityOf(deps, { ...caller, teamId: team.id, teamName: team.name, role: team.role })
  },

  async end({ caller, params }, { db }) {
    const ended = await db
      .deleteFrom('sessions')
      .where('id', '=', params.session)
      .where('userId', '=', caller.userId)
      .returning('id')
      .executeTakeFirst()
    if (!ended) throw new AppError('not_found', { noun: 'session', id: params.session })
    return { ended: true }
  },

  async createCode({ caller }, { db, clock }) {
    // A session could outlive itself by codes of its own.
    if (caller.sessionId !== null || caller.keyId === null) {
      throw new AppError('forbidden', { action: 'make a sign-in link with a session: it takes an API key' })
    }
    return makeSignInCode(db, clock, { ...caller, keyId: caller.keyId })
  },
}

function sessionOf({ sessionId }: Caller): string {
  if (sessionId === null) throw new AppError('no_session')
  return sessionId
}

const isSecure = (origin: string): boolean => origin.startsWith('https:')

function toSession(row: SessionRow & { teamName: string; keyName: string | null }, caller: Caller): Session {
  const { id, agent, address, createdAt, lastUsedAt, expiresAt } = row
  const key = row.keyId === null || row.keyName === null ? null : { id: row.keyId, name: row.keyName }
  const team = { id: row.teamId, name: row.teamName }
  return { id, team, key, agent, address, current: id === caller.sessionId, createdAt, lastUsedAt, expiresAt }
}
