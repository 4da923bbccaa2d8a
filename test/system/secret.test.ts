import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run, until, useServerProcess } from './support/server-process.ts'
import { leftovers } from './support/task-files.ts'

const server = useServerProcess({ env: { NABLA_LOG_LEVEL: 'trace' } })
const canary = 'canary-8f3a"$(id)&<x>\\é-91c7'

test('a secret reaches its job and nothing else', async () => {
  const { client } = server()
  await client.secret.set({ name: 'TOKEN', body: { value: canary } })
  const command = `
    echo "length \${#TOKEN}"; echo "it is $TOKEN here"; echo "$TOKEN" >&2; printf 'cut %s' "$TOKEN"
    [ "$TOKEN" = "$EXPECTED" ] || echo same; printf %s "$TOKEN" | sha256sum > /artifacts/sum`
  const job = await run(server(), command, { env: { TOKEN: 'secret:TOKEN' }, name: 'with-secret' })
  expect(job).toMatchObject({ state: 'succeeded' })
  expect(JSON.stringify(job)).not.toContain('canary-')

  const { items } = await client.job.logs({ job: job.id })
  const texts = items.map(({ text }) => text)
  expect(texts).toContain('it is *** here')
  expect(texts).toContain('***')
  expect(texts.join('\n')).toContain('cut ***')
  const tail = await client.job.logs({ job: job.id, tail: 100 })
  expect(tail.items).toEqual(items)
  const seen = [JSON.stringify(tail), await (await client.job.downloadLogs({ job: job.id })).text()]
  for await (const { data } of client.job.followLogs({ job: job.id })) seen.push(data.text)
  seen.push(JSON.stringify(await client.event.list({ after: 0, limit: 200 })))
  seen.push(JSON.stringify(await client.secret.list({})), JSON.stringify(await client.job.list({})))
  seen.push(await (await client.server.metrics()).text(), server().log())
  for (const text of seen) expect(text).not.toContain('canary-')
  expect(seen[1]).toContain('it is *** here')
  // What the job itself writes is its own affair.
  const sum = await (await client.artifact.get({ job: job.id, path: 'sum' })).text()
  expect(sum).toMatch(/^[0-9a-f]{64}/)
})

test('a secret stands in no file of the server but the raw output of the job that printed it', async () => {
  await until(() => expect(leftovers(server().data)).toEqual([]))
  await server().kill()
  await server().start()
  const files = readdirSync(server().data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const holding = files
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes('canary-8f3a'))
    .map((path) => path.slice(server().data.length + 1))
  expect(files.length).toBeGreaterThan(5)
  expect(holding.filter((path) => !/^logs\/\w+\/parts\/1\/std(out|err)$/.test(path))).toEqual([])
  expect(holding).toHaveLength(2)
})

test('a secret that was deleted: what was printed before stays hidden', async () => {
  const { client } = server()
  await client.secret.delete({ name: 'TOKEN' })
  const { items } = await client.job.logs({ job: 'with-secret' })
  expect(JSON.stringify(items)).not.toContain('canary-')
})
