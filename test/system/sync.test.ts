import { randomBytes } from 'node:crypto'
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { exitCodes } from '../../packages/cli/src/exit-codes.ts'
import { collectAll } from './support/collect.ts'
import {
  ended,
  removeFolder,
  type ServerProcess,
  startServerProcess,
  temporaryFolder,
} from './support/server-process.ts'
import { difference, fetchWorkspace, freePort, jobOf, startNabla, submitting } from './support/sync-client.ts'

function aFolder(): string {
  const folder = temporaryFolder()
  onTestFinished(() => removeFolder(folder))
  return folder
}

test('kill -9 of client and server while a folder is sent and while what is left is collected: what was acknowledged is whole, and nothing else stays', async () => {
  const server = await startServerProcess({ env: { NABLA_PORT: await freePort() } })
  const home = aFolder()
  const sent = await raiseStorm(server, home, 20_000)
  expect(sent.length).toBeGreaterThan(1)
  for (const { job } of sent) expect(await ended(server, job)).toMatchObject({ state: 'succeeded' })
  await cutDownload(server, sent[0]!.job)
  for (const { job, snapshot } of sent) {
    const back = join(home, `back-${job}`)
    await fetchWorkspace(server, job, back)
    expect(difference(snapshot, back)).toBe('')
  }
  const kept = sent.pop()!
  // Also those whose submission was cut off: they may be there or not.
  for (const { id } of (await server.client.job.list({ limit: 200 })).items) {
    if (id !== kept.job) await server.client.job.delete({ job: id, force: 'true' })
  }
  await server.kill()
  // Killed at moments that spread over a collection, and each time begun anew.
  for (const killAfterMs of [40, 110, 260]) await collectAll(server.data, { killAfterMs })
  expect(await collectAll(server.data)).toBe(0)
  await server.start()
  const back = join(home, 'kept')
  await fetchWorkspace(server, kept.job, back)
  expect(difference(kept.snapshot, back)).toBe('')
  const fsck = await startNabla(server, home, ['fsck', '--json']).end
  expect({ ...fsck, report: JSON.parse(fsck.stdout) }).toMatchObject({ code: 0, report: { extraObjects: [] } })
  expect(server.log()).not.toMatch(/"level":(50|60)/)
}, 400_000)

test('a byte that the disk has changed: the job, the download and nabla fsck say where', async () => {
  const server = await startServerProcess()
  const home = aFolder()
  const folder = join(home, 'folder')
  mkdirSync(folder)
  writeFileSync(join(folder, 'good'), 'good')
  writeFileSync(join(folder, 'weights'), randomBytes(100_000))
  const job = jobOf(await startNabla(server, home, submitting(folder)).end)
  await ended(server, job)
  await server.kill()
  // What was made ready for the first job would serve the second as well.
  rmSync(join(server.data, 'cache'), { recursive: true, force: true })
  const weights = readFileSync(join(folder, 'weights'))
  const damaged = globSync(join(server.data, '**/packs/*/*')).filter((path) => damage(path, weights))
  expect(damaged).toHaveLength(1)
  await server.start()
  const clone = await server.client.job.clone({ job, body: {} })
  const end = await ended(server, clone.id)
  expect(end).toMatchObject({ state: 'error' })
  expect(end.reason).toMatch(/weights.*[0-9a-f]{64}/)
  const read = server.client.workspace.get({ job, path: 'weights' })
  await expect(read).rejects.toMatchObject({ code: 'damaged_chunk', message: expect.stringContaining('weights') })
  expect(await (await server.client.workspace.get({ job, path: 'good' })).text()).toBe('good')
  const fsck = await startNabla(server, home, ['fsck', '--json']).end
  expect({ ...fsck, report: JSON.parse(fsck.stdout) }).toMatchObject({
    code: 1,
    report: { damagedChunks: [{ reason: expect.any(String) }], affectedTrees: [{ missing: 1 }] },
  })
}, 180_000)

interface Sent {
  job: string
  snapshot: string
}

/** Changes a folder and sends it, again and again, with one of the two or both killed on the way. */
async function raiseStorm(server: ServerProcess, home: string, budgetMs: number): Promise<Sent[]> {
  const folder = join(home, 'folder')
  const sent: Sent[] = []
  const budget = AbortSignal.timeout(budgetMs)
  for (let round = 0; round < 40 && (round < 6 || !budget.aborted); round++) {
    changeFolder(folder, round)
    const snapshot = join(home, `snapshot-${round}`)
    cpSync(folder, snapshot, { recursive: true })
    const nabla = startNabla(server, home, submitting(folder))
    // Moments differ from round to round, and spread over all that a client does.
    await Promise.race([nabla.end, pause(250 + ((round * 379) % 1500))])
    const [killClient, killServer] = [round % 3 !== 1, round % 3 !== 0]
    if (killClient) nabla.kill()
    if (killServer) {
      await server.kill()
      await server.start()
    }
    let end = await nabla.end
    if (!killClient && end.code !== 0) {
      expect(end).toMatchObject({ code: exitCodes.unreachable.code })
      end = await startNabla(server, home, submitting(folder)).end
      expect(end).toMatchObject({ code: 0 })
    }
    if (end.code === 0) sent.push({ job: jobOf(end), snapshot })
  }
  const last = await startNabla(server, home, submitting(folder)).end
  expect(last).toMatchObject({ code: 0 })
  return [...sent, { job: jobOf(last), snapshot: folder }]
}

function changeFolder(folder: string, round: number): void {
  for (let n = 0; n < 60; n++) {
    const place = join(folder, `part-${(round * 7 + n) % 40}`)
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, `file-${n}`), randomBytes(4000))
  }
  writeFileSync(join(folder, `large-${round % 3}`), randomBytes(6_000_000))
}

/** A download that breaks off must not look like a whole one. */
async function cutDownload(server: ServerProcess, job: string): Promise<void> {
  const answer = await server.client.workspace.archive({ job, format: 'tar' })
  const reader = answer.body!.getReader()
  await reader.read()
  await server.kill()
  const rest = async () => {
    while (!(await reader.read()).done);
  }
  await expect(rest()).rejects.toThrow()
  await server.start()
}

/** Changes a byte of `content` where the file has it; false: it does not. */
function damage(path: string, content: Buffer): boolean {
  const bytes = readFileSync(path)
  const at = bytes.indexOf(content.subarray(0, 64))
  if (at < 0) return false
  bytes[at + 1000] = (bytes[at + 1000] ?? 0) ^ 1
  writeFileSync(path, bytes)
  return true
}
