import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { openFolderStore } from './folder/folder-store.ts'
import { expectNoOwner, ownedStore, ownerKey } from './owner.ts'

eachDatabase((make) => {
  test('a store is changed by the server of one database only, until its mark is taken away', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'nabla-owner-'))
    onTestFinished(() => rm(dir, { recursive: true, force: true }))
    const store = openFolderStore(dir)
    const [{ db: one }, { db: other }] = [await make(), await make()]
    await expectNoOwner(store)
    await ownedStore(store, one).put('packs/a', Buffer.from('a'))
    await ownedStore(store, one).claim()
    const foreign = ownedStore(store, other)
    const refused = { code: 'store_owned', params: { place: dir } }
    await expect(foreign.claim()).rejects.toMatchObject(refused)
    await expect(foreign.put('packs/b', Buffer.from('b'))).rejects.toMatchObject(refused)
    await expect(foreign.remove('packs/a')).rejects.toMatchObject(refused)
    await expect(expectNoOwner(store)).rejects.toMatchObject(refused)
    expect((await foreign.get('packs/a')).toString()).toBe('a')
    await store.remove(ownerKey)
    await foreign.remove('packs/a')
    await expect(ownedStore(store, one).claim()).rejects.toMatchObject(refused)
  })
})
