import { randomBytes } from 'node:crypto'
import { ApiError, type Client } from '@nabla/api/client'
import { describe, expect, test } from 'vitest'
import { limits } from '../lib/limits.ts'
import { eachDatabase } from '../testing/database.ts'
import { aCaller } from '../testing/fixtures.ts'
import { all, frameOf, makeTree, sha256 } from '../testing/made-trees.ts'
import { startTestServer } from '../testing/server.ts'

const content = randomBytes(5000)
const tree = makeTree({ 'a/file': content, other: 'text '.repeat(100) })

/** Sends what is lacking, as clients do. */
async function send(client: Client) {
  const chunks = [...tree.chunks.keys()].filter((hash) => !tree.segments.includes(hash))
  const lacking = await client.tree.lacking({ body: { chunks, segments: tree.segments } })
  const frames = [...lacking.chunks, ...lacking.segments].map((hash) => frameOf(tree.chunks.get(hash)!))
  return client.tree.send({ body: new Uint8Array(Buffer.concat(frames)) })
}

eachDatabase((make) => {
  describe('trees over HTTP', () => {
    test('are sent and committed, again for nothing, and each team for itself', async () => {
      const server = await startTestServer(make)
      const { client } = server
      const count = tree.chunks.size
      expect(await send(client)).toEqual({ chunks: count, newChunks: count })
      const committed = { digest: tree.digest, files: 2, sizeBytes: 5500 }
      expect(await client.tree.commit({ body: { digest: tree.digest } })).toEqual(committed)
      expect(await send(client)).toEqual({ chunks: 0, newChunks: 0 })
      const other = server.clientFor((await aCaller(server.running().deps.db)).secret)
      const commit = other.tree.commit({ body: { digest: tree.digest } })
      await expect(commit).rejects.toMatchObject({ status: 409, code: 'tree_incomplete' })
      expect(await send(other)).toEqual({ chunks: count, newChunks: 0 })
      expect(await other.tree.commit({ body: { digest: tree.digest } })).toEqual(committed)
    })

    test('what is wrong is said', async () => {
      const { client, ...server } = await startTestServer(make)
      const wrong = frameOf(content, { hash: sha256(Buffer.from('other')) })
      const refused = async (call: Promise<unknown>) => {
        const error = await call.catch((error: unknown) => error)
        return error instanceof ApiError ? error.code : error
      }
      expect(await refused(client.tree.send({ body: new Uint8Array(wrong) }))).toBe('bad_chunk')
      expect(await refused(client.tree.send({ body: 'x' }))).toBe('bad_chunk')
      expect(await refused(client.tree.commit({ body: { digest: 'x' } }))).toBe('invalid')
      expect(await refused(client.tree.lacking({ body: { chunks: ['../x'] } }))).toBe('invalid')
      await server.running().deps.ballast.release()
      expect(await refused(client.tree.commit({ body: { digest: tree.digest } }))).toBe('disk_full')
      expect(await refused(client.tree.lacking({ body: {} }))).toBe('disk_full')
    })

    test('the loop collects what nothing needs', async () => {
      const { client, ...server } = await startTestServer(make)
      await send(client)
      await client.tree.commit({ body: { digest: tree.digest } })
      const { deps } = server.running()
      const left = () => deps.db.selectFrom('chunks').select('hash').execute()
      expect(await left()).toHaveLength(tree.chunks.size)
      await expect
        .poll(
          async () => {
            server.clock.advance(limits.chunkHoldMs / 2)
            await deps.loop.idle()
            return left()
          },
          { timeout: 15_000 },
        )
        .toEqual([])
    })

    test('an admin has all checked, and is told of the trees of the own team alone', async () => {
      const server = await startTestServer(make)
      const { db, store } = server.running().deps
      await send(server.client)
      await server.client.tree.commit({ body: { digest: tree.digest } })
      const other = server.clientFor((await aCaller(db)).secret)
      const member = server.clientFor((await aCaller(db, { role: 'member' })).secret)
      await expect(all(member.tree.check({}))).rejects.toMatchObject({ status: 403 })
      const nothing = { missingObjects: [], damagedChunks: [], affectedTrees: [], otherAffectedTrees: 0 }
      expect((await all(server.client.tree.check({}))).at(-1)?.data).toMatchObject({ packs: 1, ...nothing })
      const [{ key } = { key: '' }] = await all(store.list('packs/'))
      await store.remove(key)
      const missing = { missingObjects: [key], damagedChunks: expect.objectContaining({ length: tree.chunks.size }) }
      const affectedTrees = [{ digest: tree.digest, missing: 1, volumes: [] }]
      expect((await all(server.client.tree.check({}))).at(-1)?.data).toMatchObject({ ...missing, affectedTrees })
      expect((await all(other.tree.check({}))).at(-1)?.data).toMatchObject({
        ...missing,
        affectedTrees: [],
        otherAffectedTrees: 1,
      })
    })
  })
})
