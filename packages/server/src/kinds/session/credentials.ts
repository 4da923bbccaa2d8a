import type { sessionRoutes } from '@nabla/api/session'
import type { z } from 'zod'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { Attempts } from '../../lib/attempts.ts'
import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import { verifyPassword } from '../../lib/password.ts'
import { authenticate, callerOfKey, toRole } from '../account.ts'
import type { Caller } from '../kind.ts'
import { takeSignInCode } from './open.ts'

/** Attempts to sign in that failed, since the server started. */
export interface SignInAttempts {
  byAddress: Attempts
  byName: Attempts
}

export function createSignInAttempts(clock: Clock): SignInAttempts {
  const memory = limits.authMemory
  return {
    byAddress: new Attempts(clock, {
      most: limits.signInsByAddress,
      refillMs: limits.signInsByAddressRefillMs,
      memory,
    }),
    byName: new Attempts(clock, { most: limits.signInsByName, refillMs: limits.signInsByNameRefillMs, memory }),
  }
}

type Credentials = z.output<typeof sessionRoutes.signIn.body>
type Named = Extract<Credentials, { name: string }>

interface Known {
  caller: Caller
  /** To be called in the transaction that makes the session: throws if what was checked has changed since. */
  confirm(trx: Trx): Promise<void>
}

type CredentialDeps = Pick<Deps, 'db' | 'clock' | 'signIns'>

/**
 * Tells who somebody is who wants to sign in. A name that is not there and a password that is wrong get the same
 * answer after the same work. Throws AppError `unauthenticated`, `key_expired`, `wrong_password`, `wrong_code`,
 * `no_team`, `not_found` (the team) or `too_many_attempts`.
 */
export async function checkCredentials(deps: CredentialDeps, given: Credentials, address: string): Promise<Known> {
  return counted(deps.signIns.byAddress, address, async () => {
    if ('password' in given) return checkName(deps, given)
    const { db, clock } = deps
    const caller =
      'key' in given
        ? await authenticate(db, clock, given.key)
        : await callerOfKey(db, clock, 'id', await takeSignInCode(db, clock, given.code))
    return { caller, confirm: async () => {} }
  })
}

/** Whether a user knows the password of their own account. Throws AppError `wrong_password` or `too_many_attempts`. */
export async function checkOwnPassword(
  deps: Pick<Deps, 'signIns'>,
  userName: string,
  password: string,
  stored: string,
): Promise<void> {
  await counted(deps.signIns.byName, userName, async () => {
    if (!(await verifyPassword(password, stored))) throw new AppError('wrong_password')
  })
}

async function checkName(deps: CredentialDeps, { name, password, team }: Named): Promise<Known> {
  const { db, signIns } = deps
  const user = await db
    .selectFrom('users')
    .leftJoin('passwords', 'passwords.userId', 'users.id')
    .select(['users.id', 'users.name', 'passwords.hash'])
    .where('users.name', '=', name)
    .executeTakeFirst()
  const stored = user?.hash ?? undefined
  await counted(signIns.byName, name, async () => {
    if (!(await verifyPassword(password, stored))) throw new AppError('wrong_password')
  })
  if (!user || stored === undefined) throw new AppError('wrong_password')
  const place = await placeOf(db, user.id, team)
  const caller: Caller = { userId: user.id, userName: user.name, ...place, keyId: null, sessionId: null }
  const confirm = async (trx: Trx) => {
    const held = await trx
      .updateTable('passwords')
      .set({ hash: stored })
      .where('userId', '=', user.id)
      .where('hash', '=', stored)
      .returning('userId')
      .executeTakeFirst()
    if (!held) throw new AppError('wrong_password')
  }
  return { caller, confirm }
}

/** The team that somebody named, or the one that they joined first. */
async function placeOf(db: Deps['db'], userId: string, reference: string | undefined) {
  const teams = await db
    .selectFrom('members')
    .innerJoin('teams', 'teams.id', 'members.teamId')
    .select(['teams.id as teamId', 'teams.name as teamName', 'members.role'])
    .where('members.userId', '=', userId)
    .orderBy('members.addedAt')
    .orderBy('teams.id')
    .execute()
  const [first] = teams
  if (!first) throw new AppError('no_team')
  if (reference === undefined) return { ...first, role: toRole(first.role) }
  const named = teams.find(({ teamId }) => teamId === reference) ?? teams.find(({ teamName }) => teamName === reference)
  if (!named) throw new AppError('not_found', { noun: 'team', id: reference })
  return { ...named, role: toRole(named.role) }
}

/** Counts an attempt that fails by whoever makes it, and refuses it when there were too many. */
async function counted<T>(attempts: Attempts, by: string, attempt: () => Promise<T>): Promise<T> {
  const seconds = attempts.take(by)
  if (seconds > 0) throw new AppError('too_many_attempts', { seconds })
  try {
    const result = await attempt()
    attempts.giveBack(by)
    return result
  } catch (error) {
    // A server that has no time, and a fault of its own, are not held against anybody.
    if (!(error instanceof AppError) || error.code === 'busy') attempts.giveBack(by)
    throw error
  }
}
