import { setTimeout as pause } from 'node:timers/promises'
import { decodeSegment } from '@nabla/api/tree-format'
import { decodeRoot } from '@nabla/api/tree-root'
import { startServer } from '@nabla/server'
import { loadConfig } from '@nabla/server/config'
import { pino } from 'pino'
import type { Deps } from '../../../packages/server/src/deps.ts'
import { TestClock } from '../../../packages/server/src/lib/clock.ts'

/**
 * A program: lets days pass for a server on the data folder that its first argument names, until it holds what its
 * volumes need and no more, six hours at a time, for as many milliseconds as the second says. Says `begin` when the first of them pass; ends with 1 when something stays for ever.
 */
const hourMs = 3_600_000
const forMs = Number(process.argv[3])

const clock = new TestClock(Date.now())
const config = loadConfig({ data: process.argv[2], port: 0, engines: ['fake'] }, {})
const { deps, close } = await startServer(config, { clock, log: pino({ level: 'silent' }) })
process.stdout.write('begin\n')
let left = ['something']
for (const time = AbortSignal.timeout(forMs); left.length > 0 && !time.aborted;) {
  clock.advance(6 * hourMs)
  await deps.loop.idle()
  // What goes on beside the loop takes time of its own.
  await pause(50)
  left = await leftOver(deps)
}
if (left.length > 0) process.stdout.write(`left: ${left.slice(0, 5).join(', ')}\n`)
const closing = close().then(() => true)
while (!(await Promise.race([closing, pause(5, false)]))) clock.advance(1000)
process.exit(left.length === 0 ? 0 : 1)

/** Chunks and objects that no volume needs. */
async function leftOver({ db, chunks, store }: Deps): Promise<string[]> {
  const needed = new Set<string>()
  for (const { treeDigest } of await db.selectFrom('volumes').select('treeDigest').execute()) {
    if (treeDigest !== null) for (const hash of await namedBy(chunks, treeDigest)) needed.add(hash)
  }
  const rows = await db.selectFrom('chunks').select('hash').execute()
  const packs = new Set((await db.selectFrom('packs').select('id').execute()).map(({ id }) => `packs/${id}`))
  const unneeded = rows.map(({ hash }) => hash).filter((hash) => !needed.has(hash))
  for await (const { key } of store.list('packs/')) if (!packs.has(key)) unneeded.push(key)
  return unneeded
}

/** Hashes of all that a tree consists of. */
async function namedBy(chunks: Deps['chunks'], digest: string): Promise<string[]> {
  const segments = decodeRoot(await chunks.read(digest)).segments.map(([hash]) => hash)
  const entries = (await Promise.all(segments.map(async (hash) => decodeSegment(await chunks.read(hash))))).flat()
  const files = entries.flatMap((entry) => (entry.type === 'file' ? entry.chunks.map(([hash]) => hash) : []))
  return [digest, ...segments, ...files]
}
