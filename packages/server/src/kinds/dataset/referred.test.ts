import { expect, test } from 'vitest'
import { inTransaction } from '../../db/transaction.ts'
import { newId } from '../../lib/ids.ts'
import { eachDatabase } from '../../testing/database.ts'
import { aTeam, start } from '../../testing/fixtures.ts'
import { toIso } from '../../lib/clock.ts'
import { referredVolumes } from '../artifact/referred.ts'

eachDatabase((make) => {
  test('artifacts are kept while a version is being made of them, and no longer', async () => {
    const { db } = await make()
    const team = await aTeam(db)
    const [read, done, other] = [newId('volume'), newId('volume'), newId('volume')]
    const version = async (state: string, sourceVolumeId: string, number: number) =>
      db
        .insertInto('datasetVersions')
        .values({
          id: newId('version'),
          teamId: team.id,
          datasetId: 'ds0000000000000000',
          version: number,
          state,
          reason: null,
          message: '',
          source: 'job:maker/',
          sealedSource: null,
          sourceVolumeId,
          baseDigest: null,
          wantedTags: '[]',
          volumeId: newId('volume'),
          digest: null,
          files: 0,
          sizeBytes: 0,
          createdBy: newId('user'),
          createdAt: toIso(start),
          endedAt: null,
        })
        .execute()
    await version('preparing', read, 1)
    await version('failed', done, 2)
    const found = await inTransaction(db, (trx) => referredVolumes(trx, [read, done, other]))
    expect([...found]).toEqual([read])
  })
})
