import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Transaction } from 'kysely'
import type { Tables } from '../db/tables.ts'
import type { Db } from '../deps.ts'
import { toIso } from '../lib/clock.ts'
import { isMissing } from '../lib/file-error.ts'
import { newId, randomText } from '../lib/ids.ts'

const name = 'control'

/** How long a lease holds without being renewed. The holder renews it at a third of that. */
export const leaseMs = 15_000

/**
 * A holder: the server of this data folder, whose name is kept there, and this run of it. Since one process at a time
 * has the folder, a new run takes the lease from the one before it at once, also when that was killed.
 */
export function holderOf(dataDir: string): string {
  return `${serverName(dataDir)}/${newId('task')}`
}

/**
 * Takes or renews the lease of the control loop, by compare-and-set: at any time at most one process holds it.
 * Answers with the token of the holding, which grows with each change of hands, or null when another one holds it.
 */
export async function takeLease(db: Db, holder: string, now: number): Promise<number | null> {
  const expiresAt = toIso(now + leaseMs)
  await db
    .insertInto('leases')
    .values({ name, holder, expiresAt, token: 1 })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  const renewed = await db
    .updateTable('leases')
    .set({ expiresAt })
    .where('name', '=', name)
    .where('holder', '=', holder)
    .returning('token')
    .executeTakeFirst()
  if (renewed) return renewed.token
  const [server] = holder.split('/')
  const taken = await db
    .updateTable('leases')
    .set(({ eb }) => ({ holder, expiresAt, token: eb('token', '+', 1) }))
    .where('name', '=', name)
    .where(({ eb, or }) => or([eb('expiresAt', '<', toIso(now)), eb('holder', 'like', `${server}/%`)]))
    .returning('token')
    .executeTakeFirst()
  return taken?.token ?? null
}

/** Whether a token is still the current one: asked inside each transaction of the loop, so a late writer changes nothing. */
export async function leaseHolds(trx: Transaction<Tables>, token: number): Promise<boolean> {
  const row = await trx.selectFrom('leases').select('token').where('name', '=', name).executeTakeFirst()
  return row?.token === token
}

/** Gives the lease back, so that the next server need not wait for it to run out. */
export async function dropLease(db: Db, holder: string): Promise<void> {
  await db
    .updateTable('leases')
    .set({ expiresAt: toIso(0) })
    .where('name', '=', name)
    .where('holder', '=', holder)
    .execute()
}

function serverName(dataDir: string): string {
  const path = join(dataDir, 'server.id')
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  const name = randomText(16)
  writeFileSync(`${path}.new`, `${name}\n`, { mode: 0o600, flush: true })
  renameSync(`${path}.new`, path)
  return name
}
