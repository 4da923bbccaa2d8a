import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from '@nabla/api/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'
import { startServer, type TestServer } from '../testing/server.ts'
import { saysBytes, tagOf } from './file-tag.ts'
import { datasetPlace } from './places.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

test('a file of a tree is known to be right by its tag alone, to the last byte', async () => {
  const cwd = await aFolder()
  const cli = (...argv: string[]) => runCli(argv, { cwd, env: server.env })
  await mkdir(join(cwd, 'set'))
  const contents = { large: randomBytes(40_000_000), small: randomBytes(10), empty: Buffer.alloc(0) }
  for (const [name, bytes] of Object.entries(contents)) await writeFile(join(cwd, 'set', name), bytes)
  expect(await cli('dataset', 'push', 'set', 'set')).toMatchObject({ exitCode: 0 })
  expect(await cli('cp', 'dataset:set/large', 'back')).toMatchObject({ exitCode: 0 })
  expect((await readFile(join(cwd, 'back'))).equals(contents.large)).toBe(true)

  const place = datasetPlace(createClient({ url: server.url, key: server.key }), 'set')
  const tagAt = async (path: string) => {
    await using file = await open(join(cwd, path))
    return await tagOf(file)
  }
  for (const name of Object.keys(contents)) {
    const response = await place.get(name, {})
    await response.body?.cancel()
    const etag = response.headers.get('etag') ?? ''
    expect(saysBytes(etag)).toBe(true)
    expect(await tagAt(join('set', name))).toBe(etag)
  }
  const before = await tagAt('back')
  await truncate(join(cwd, 'back'), 39_999_999)
  expect(await tagAt('back')).not.toBe(before)
})
