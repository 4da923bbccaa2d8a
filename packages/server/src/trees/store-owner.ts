import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import { AppError } from '../lib/app-error.ts'
import { isMissingObject, type ObjectStore } from '../stores/store.ts'

/** The object that says whose the others are. It lies beside `packs/`, where no collection looks. */
export const ownerKey = 'owner'

/** Where a database keeps its own number. A backup brings back all but this: what is restored is another server. */
export const ownerCounter = 'store'

/**
 * A store that is written to, and removed from, by the server of one database only: another would take the packs of the
 * first for objects that nobody needs. The first to come writes its number down; whoever has another one gets AppError
 * `store_owned`. It is asked before the first change, so a store that cannot be reached does not keep a server from
 * starting; `claim` asks at once.
 */
export function ownedStore(store: ObjectStore, db: Kysely<Tables>): ObjectStore & { claim(): Promise<void> } {
  let claimed: Promise<void> | undefined
  const claim = (): Promise<void> => {
    claimed ??= claimFor(store, db)
    const asked = claimed
    asked.catch(() => {
      if (claimed === asked) claimed = undefined
    })
    return asked
  }
  return {
    ...store,
    claim,
    async put(key, bytes, signal) {
      await claim()
      return store.put(key, bytes, signal)
    },
    async remove(key) {
      await claim()
      return store.remove(key)
    },
  }
}

/** Throws AppError `store_owned` where some server keeps its objects. */
export async function expectNoOwner(store: ObjectStore): Promise<void> {
  if ((await readOwner(store)) !== undefined) throw owned(store)
}

async function claimFor(store: ObjectStore, db: Kysely<Tables>): Promise<void> {
  const own = await ownNumber(db)
  if ((await readOwner(store)) === undefined) await store.put(ownerKey, Buffer.from(own))
  // Of two who came at the same moment, one reads what the other wrote.
  if ((await readOwner(store)) !== own) throw owned(store)
}

const owned = ({ place }: ObjectStore): AppError => new AppError('store_owned', { place, key: ownerKey })

async function readOwner(store: ObjectStore): Promise<string | undefined> {
  try {
    return (await store.get(ownerKey)).toString().trim()
  } catch (error) {
    if (isMissingObject(error)) return undefined
    throw error
  }
}

async function ownNumber(db: Kysely<Tables>): Promise<string> {
  const value = randomBytes(6).readUIntBE(0, 6)
  await db
    .insertInto('counters')
    .values({ name: ownerCounter, value })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  const row = await db.selectFrom('counters').select('value').where('name', '=', ownerCounter).executeTakeFirstOrThrow()
  return String(row.value)
}
