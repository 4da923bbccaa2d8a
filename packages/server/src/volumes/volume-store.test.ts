import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { openVolumeStore, type VolumeStore } from './volume-store.ts'

let dataDir: string
let store: VolumeStore
const errors: unknown[] = []

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'volume-store-'))
  errors.length = 0
  store = openVolumeStore(dataDir, (error) => errors.push(error))
  await store.sweep()
})

afterEach(async () => {
  await store.close()
  await rm(dataDir, { recursive: true, force: true })
  expect(errors).toEqual([])
})

const trash = () => readdir(join(dataDir, 'volumes/.trash'))

describe('volume store', () => {
  test('makes volumes, and leaves one that is there as it is', async () => {
    await store.createVolume('vo1')
    expect(store.volumeDir('vo1')).toBe(join(dataDir, 'volumes/vo1'))
    await writeFile(join(store.volumeDir('vo1'), 'file'), 'x')
    await store.createVolume('vo1')
    expect(await readFile(join(store.volumeDir('vo1'), 'file'), 'utf8')).toBe('x')
  })

  test('removes volumes, twice if need be', async () => {
    await store.createVolume('vo1')
    await mkdir(join(store.volumeDir('vo1'), 'a/b'), { recursive: true })
    await Promise.all([store.removeVolume('vo1'), store.removeVolume('vo1')])
    await store.removeVolume('unknown')
    expect(await readdir(join(dataDir, 'volumes'))).not.toContain('vo1')
    await expect.poll(trash).toEqual([])
  })

  test('clears away at the next start what a crash left behind, and nothing else', async () => {
    await store.createVolume('vo1')
    await mkdir(join(store.stagingDir(), 'half/unpacked'), { recursive: true })
    await mkdir(join(dataDir, 'volumes/.trash/vo2/half/removed'), { recursive: true })
    const next = openVolumeStore(dataDir, (error) => errors.push(error))
    await next.sweep()
    expect(await readdir(next.stagingDir())).toEqual([])
    await writeFile(join(next.stagingDir(), 'new'), '')
    await expect.poll(trash).toEqual([])
    expect((await readdir(join(dataDir, 'volumes'))).sort()).toEqual(['.staging', '.trash', 'vo1'])
    expect(await readdir(next.stagingDir())).toEqual(['new'])
    await next.close()
  })

  test('closing stops the removal, and the next start goes on with it', async () => {
    await store.createVolume('vo1')
    execFileSync('sh', ['-c', 'seq 20000 | xargs touch'], { cwd: store.volumeDir('vo1') })
    await store.removeVolume('vo1')
    await store.close()
    expect(await trash()).toHaveLength(1)
    store = openVolumeStore(dataDir, (error) => errors.push(error))
    await store.sweep()
    await expect.poll(trash, { timeout: 20_000 }).toEqual([])
  })

  test.each(['', '..', 'a/b', '.staging', 'A', 'a\0'])('takes no id like %j', (id) => {
    expect(() => store.volumeDir(id)).toThrowError(/not the id of a volume/)
  })
})
