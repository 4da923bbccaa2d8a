import type { Registry } from '@nabla/api/registry'
import type { RegistryRow } from '../db/tables.ts'
import { isAfter, toPage } from '../db/paging.ts'
import type { Db, Deps } from '../deps.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { plainRegistry, registryOf } from '../lib/image-reference.ts'
import type { Caller, Handlers } from './kind.ts'

/** What a registry is told. */
export interface RegistryLogin {
  username: string
  password: string
}

export const registryHandlers: Handlers<'registry'> = {
  async list({ caller, query }, { db }) {
    const rows = await db
      .selectFrom('registries')
      .selectAll()
      .where('teamId', '=', caller.teamId)
      .where(isAfter('createdAt', 'id', query.after))
      .orderBy('createdAt', 'desc')
      .orderBy('id', 'desc')
      .limit(query.limit + 1)
      .execute()
    return toPage(rows, query.limit, (row) => row, toRegistry)
  },

  async create({ caller, body }, deps) {
    const { name, username, password } = body
    const id = newId('registry')
    const at = toIso(deps.clock.now())
    const sealed = deps.box.seal(password, contextOf(id, name))
    const row = { id, teamId: caller.teamId, name, host: plainRegistry(body.host), username, sealed }
    return change(deps, async (trx) => {
      const { numInsertedOrUpdatedRows } = await trx
        .insertInto('registries')
        .values({ ...row, createdAt: at, updatedAt: at })
        .onConflict((conflict) => conflict.columns(['teamId', 'name']).doNothing())
        .executeTakeFirstOrThrow()
      if (numInsertedOrUpdatedRows === 0n) throw new AppError('name_taken', { noun: 'registry', name })
      await record(trx, deps, caller, row, 'registry.created')
      return toRegistry({ ...row, createdAt: at, updatedAt: at })
    })
  },

  async show({ caller, params }, { db }) {
    return toRegistry(await findRegistry(db, caller.teamId, params.registry))
  },

  async update({ caller, params, body }, deps) {
    return change(deps, async (trx) => {
      const row = await findRegistry(trx, caller.teamId, params.registry)
      const host = body.host === undefined ? row.host : plainRegistry(body.host)
      if (host !== row.host && body.password === undefined) {
        // A stored password goes nowhere but where it was stored for: nobody could have it sent to a host of theirs.
        const detail = `The password of ${row.name} is for ${row.host}: give the one for ${host} as well.`
        throw new AppError('conflict', { detail })
      }
      const name = body.name ?? row.name
      const other = await trx
        .selectFrom('registries')
        .select('id')
        .where('teamId', '=', caller.teamId)
        .where('name', '=', name)
        .where('id', '!=', row.id)
        .executeTakeFirst()
      if (other) throw new AppError('name_taken', { noun: 'registry', name })
      const password =
        body.password ?? (name === row.name ? null : deps.box.open(row.sealed, contextOf(row.id, row.name)))
      const changes = {
        name,
        host,
        username: body.username ?? row.username,
        sealed: password === null ? row.sealed : deps.box.seal(password, contextOf(row.id, name)),
        updatedAt: toIso(deps.clock.now()),
      }
      await trx.updateTable('registries').set(changes).where('id', '=', row.id).execute()
      await record(trx, deps, caller, { ...row, ...changes }, 'registry.updated')
      return toRegistry({ ...row, ...changes })
    })
  },

  async delete({ caller, params }, deps) {
    await change(deps, async (trx) => {
      const row = await findRegistry(trx, caller.teamId, params.registry)
      await trx.deleteFrom('registries').where('id', '=', row.id).execute()
      await record(trx, deps, caller, row, 'registry.deleted')
    })
    return { deleted: true }
  },
}

/**
 * The login of a team for an image: that of the registry that is named, else of the one stored first for the image's
 * host; null when there is none. Throws AppError `unknown_registry`, `invalid` when the one named is for another host,
 * and `secret_unreadable`.
 */
export async function resolveLogin(
  { db, box }: Pick<Deps, 'box'> & { db: Pick<Db, 'selectFrom'> },
  teamId: string,
  image: string,
  name: string | null,
): Promise<RegistryLogin | null> {
  const host = registryOf(image)
  let rows = db.selectFrom('registries').selectAll().where('teamId', '=', teamId)
  rows = name === null ? rows.where('host', '=', host ?? '') : rows.where('name', '=', name)
  const row = await rows.orderBy('createdAt').orderBy('id').limit(1).executeTakeFirst()
  if (!row) {
    if (name === null) return null
    throw new AppError('unknown_registry', { name })
  }
  checkHost(row, image)
  return { username: row.username, password: box.open(row.sealed, contextOf(row.id, row.name)) }
}

/**
 * The login for each host that a team has one for: the one that is named, else the first. What a build may need for the
 * images that it begins with. Throws AppError `unknown_registry`, `secret_unreadable`.
 */
export async function resolveLogins(
  { db, box }: Pick<Deps, 'db' | 'box'>,
  teamId: string,
  name: string | null,
): Promise<Record<string, RegistryLogin>> {
  const rows = await db.selectFrom('registries').selectAll().where('teamId', '=', teamId).orderBy('createdAt').execute()
  const named = rows.find((row) => row.name === name)
  if (name !== null && !named) throw new AppError('unknown_registry', { name })
  const logins: Record<string, RegistryLogin> = {}
  for (const row of named ? [named, ...rows] : rows) {
    logins[row.host] ??= { username: row.username, password: box.open(row.sealed, contextOf(row.id, row.name)) }
  }
  return logins
}

/** Throws AppError `unknown_registry`, and `invalid` when it is not the registry of the image. */
export async function checkRegistry(
  { db }: { db: Pick<Db, 'selectFrom'> },
  teamId: string,
  name: string,
  image: string | null,
): Promise<void> {
  const rows = db.selectFrom('registries').select(['name', 'host']).where('teamId', '=', teamId)
  const row = await rows.where('name', '=', name).executeTakeFirst()
  if (!row) throw new AppError('unknown_registry', { name })
  if (image !== null) checkHost(row, image)
}

function checkHost({ name, host }: Pick<RegistryRow, 'name' | 'host'>, image: string): void {
  const wanted = registryOf(image)
  if (host === wanted) return
  const detail = `The registry ${name} is for images of ${host}, and ${image} is at ${wanted ?? 'none'}.`
  throw new AppError('invalid', { detail })
}

async function findRegistry(db: Pick<Db, 'selectFrom'>, teamId: string, reference: string): Promise<RegistryRow> {
  const row = await db
    .selectFrom('registries')
    .selectAll()
    .where('teamId', '=', teamId)
    .where(({ or, eb }) => or([eb('name', '=', reference), eb('id', '=', reference)]))
    .executeTakeFirst()
  if (!row) throw new AppError('not_found', { noun: 'registry', id: reference })
  return row
}

/** What a password is sealed for: in another row it cannot be opened. */
const contextOf = (id: string, name: string): string => `registry ${id}/${name}`

function record(
  trx: Parameters<typeof recordEvents>[0],
  { clock }: Pick<Deps, 'clock'>,
  caller: Caller,
  { id, name, host }: Pick<RegistryRow, 'id' | 'name' | 'host'>,
  type: string,
): Promise<void> {
  const event = { teamId: caller.teamId, projectId: null, subject: id, type, actor: caller.userName }
  return recordEvents(trx, clock.now(), [{ ...event, data: { name, host } }])
}

function toRegistry({ id, name, host, username, createdAt, updatedAt }: RegistryRow | Registry): Registry {
  return { id, name, host, username, createdAt, updatedAt }
}
