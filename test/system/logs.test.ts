import { readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { ended, startServerProcess, useServerProcess } from './support/server-process.ts'

const server = useServerProcess()
const MiB = 1024 * 1024

/** The most memory that the server has had so far. */
function peakBytes(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Number(kilobytes) * 1024
}

interface Followed {
  bytes: number
  lines: number
  sha256: string
  gaps: string[]
  last: string
}

/** Follows the whole log of a job, keeping nothing but sums. */
async function followAll(job: string): Promise<Followed> {
  const hash = createHash('sha256')
  const followed: Followed = { bytes: 0, lines: 0, sha256: '', gaps: [], last: '' }
  let seq = 0
  for await (const { data } of server().client.job.followLogs({ job })) {
    if (data.seq !== seq + 1) followed.gaps.push(`${data.seq} follows ${seq}`)
    seq = data.seq + data.lines - 1
    const text = data.partial ? data.text : `${data.text}\n`
    hash.update(text)
    followed.bytes += Buffer.byteLength(text)
    followed.lines += data.lines
    followed.last = data.text.slice(-100)
  }
  followed.sha256 = hash.digest('hex')
  return followed
}

const submit = (command: string) => server().client.job.create({ body: { command, project: 'logs' } })

test('a job that prints as fast as it can: all of it is delivered, in bounded memory', async () => {
  const sizeBytes = 300 * MiB
  const job = await submit(`yes 0123456789abcde | head -c ${sizeBytes}; sleep 0.2; echo end`)
  const followed = await followAll(job.id)
  expect(await ended(server(), job.id)).toMatchObject({ state: 'succeeded' })
  expect(followed).toMatchObject({
    bytes: sizeBytes + 4,
    lines: sizeBytes / 16 + 1,
    gaps: [],
    last: expect.stringMatching(/\nend$|^end$/),
  })
  const page = await server().client.job.logs({ job: job.id, tail: 3 })
  expect(page.items.map(({ text }) => text)).toEqual(['0123456789abcde', '0123456789abcde', 'end'])
  expect(page.last).toBe(followed.lines)
  expect(peakBytes(server().pid)).toBeLessThan(400 * MiB)
})

test('a line of 100 MB comes in parts that are marked as such', async () => {
  const sizeBytes = 100_000_000
  const job = await submit(`head -c ${sizeBytes} /dev/zero | tr '\\0' x; echo; echo end`)
  const followed = await followAll(job.id)
  const expected = createHash('sha256')
  for (let left = sizeBytes; left > 0; left -= MiB) expected.update('x'.repeat(Math.min(MiB, left)))
  expected.update('\nend\n')
  expect(followed).toMatchObject({ bytes: sizeBytes + 5, gaps: [], sha256: expected.digest('hex') })
  const { items } = await server().client.job.logs({ job: job.id, limit: 2 })
  expect(items[0]).toMatchObject({ seq: 1, partial: true })
  expect(peakBytes(server().pid)).toBeLessThan(400 * MiB)
})

test('binary output: bytes come back as they were, and as text where text is asked for', async () => {
  const job = await submit(`head -c 3000000 /dev/urandom | tee /artifacts/copy`)
  const followed = await followAll(job.id)
  expect(followed.gaps).toEqual([])
  expect(followed.lines).toBeGreaterThan(1000)
  await ended(server(), job.id)
  const raw = await (await server().client.job.downloadLogs({ job: job.id })).bytes()
  const copy = await (await server().client.artifact.get({ job: job.id, path: 'copy' })).bytes()
  expect(Buffer.compare(raw, copy)).toBe(0)
})

test('many followers that read nothing cost the server little, and the job nothing', async () => {
  const own = await startServerProcess()
  const { id } = await own.client.job.create({ body: { command: 'yes | head -c 50000000', project: 'logs' } })
  const stopReading = new AbortController()
  const idle = Array.from({ length: 50 }, () =>
    fetch(`${own.url}/api/v1/jobs/${id}/logs/stream`, {
      headers: { authorization: `Bearer ${own.key}` },
      signal: stopReading.signal,
    }),
  )
  const streams = await Promise.all(idle)
  expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200))
  expect(await ended(own, id)).toMatchObject({ state: 'succeeded' })
  expect(peakBytes(own.pid)).toBeLessThan(400 * MiB)
  stopReading.abort()
})
