import type { ServedLink } from '@nabla/api/served'
import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import type { Holders } from '../proxy/admit.ts'
import { enterPath, programPath } from '../proxy/proxy.ts'
import type { Served } from '../proxy/served.ts'
import { authenticate, callerOfKey } from './account.ts'
import type { Caller, Origins } from './kind.ts'
import { callerOfSession } from './session/open.ts'

/** A kind whose tasks serve something over HTTP. */
export interface ServedKind {
  /** Prefix of its ids: tells whose label it is. */
  prefix: string
  /** What stands at a port of it now; null: nothing, or nothing any more. `port` is null where the label has none. */
  find(
    deps: Pick<Deps, 'db' | 'box' | 'clock' | 'gateway' | 'jupyter'>,
    id: string,
    port: number | null,
  ): Promise<Served | null>
}

/** The label of a thing, or of one port of it: a part of a host name, the same for ever. */
export const labelOf = (id: string, port?: number): string => (port === undefined ? id : `${id}-${port}`)

/** What a label stands for. */
export async function findServed(
  deps: Pick<Deps, 'db' | 'box' | 'clock' | 'gateway' | 'jupyter'>,
  kinds: readonly ServedKind[],
  label: string,
): Promise<Served | null> {
  const [, prefix, rest, port] = /^([a-z]{1,2})([0-9a-z]{16})(?:-(\d{1,5}))?$/.exec(label) ?? []
  const kind = kinds.find((one) => one.prefix === prefix)
  if (!kind) return null
  return kind.find(deps, `${prefix}${rest}`, port === undefined ? null : Number(port))
}

/**
 * Where the caller's browser opens what is served under a label, signed in, at `path`; and what programs need. Throws
 * AppError `no_served_origin`.
 */
export function openServedLink(
  { door }: Pick<Deps, 'door'>,
  { caller, origins }: { caller: Caller; origins: Origins },
  label: string,
  path: string,
): ServedLink {
  const origin = origins.served(label)
  if (origin === null) throw new AppError('no_served_origin')
  const { ticket, expiresAt } = door.issue(caller, label, path)
  return {
    url: `${origin}${enterPath}?ticket=${ticket}`,
    expiresAt: toIso(expiresAt),
    address: `${origin}/`,
    programAddress: `${origins.own}${programPath}/${label}/`,
    token: door.token(caller.userId, label),
  }
}

/** The task of an owner that runs, or is about to. */
export async function runningTask(
  { db }: Pick<Deps, 'db'>,
  ownerId: string,
): Promise<{ id: string; engine: string } | null> {
  const found = await db
    .selectFrom('tasks')
    .select(['id', 'engine'])
    .where('ownerId', '=', ownerId)
    .where('state', 'in', ['placed', 'running'])
    .orderBy('attempt', 'desc')
    .limit(1)
    .executeTakeFirst()
  return found ?? null
}

/** How the proxy learns who somebody is. */
export function holdersOf({ db, clock }: Pick<Deps, 'db' | 'clock'>): Holders {
  return {
    key: (secret) => authenticate(db, clock, secret),
    byId: (by, id) => (by === 'key' ? callerOfKey(db, clock, 'id', id) : callerOfSession(db, clock, 'id', id)),
    async member(userId, teamId) {
      const found = await db
        .selectFrom('members')
        .innerJoin('users', 'users.id', 'members.userId')
        .select('users.name as userName')
        .where('members.userId', '=', userId)
        .where('members.teamId', '=', teamId)
        .executeTakeFirst()
      if (!found) throw new AppError('not_signed_in_here')
      return found
    },
  }
}
