import { isAfter, toPage } from '../db/paging.ts'
import { assert } from '../lib/assert.ts'
import type { Handlers } from './kind.ts'

export const userHandlers: Handlers<'user'> = {
  async me({ caller }, { db }) {
    const found = await db
      .selectFrom('keys')
      .innerJoin('users', 'users.id', 'keys.userId')
      .select(['keys.id', 'keys.name', 'keys.expiresAt', 'users.createdAt'])
      .where('keys.id', '=', caller.keyId)
      .where('keys.teamId', '=', caller.teamId)
      .executeTakeFirst()
    assert(found, 'the key of a caller exists')
    const { createdAt, ...key } = found
    return {
      user: { id: caller.userId, name: caller.userName, createdAt },
      team: { id: caller.teamId, name: caller.teamName },
      role: caller.role,
      key,
    }
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
