import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'

import { afterEach, beforeEach, expect } from 'vitest'

import { AppError } from '../lib/app-error.ts'
import { unpack, type UnpackOptions } from './archive.ts'

/** Where each test of a file unpacks to: `target`, with `outside` as a place that nothing may reach. */
export const place = { base: '', target: '', outside: '' }

/** To be called at the top of a test file. */
export function useArchivePlace(): void {
  beforeEach(async () => {
    place.base = await mkdtemp(join(tmpdir(), 'archive-'))
    place.target = join(place.base, 'volumes/target')
    place.outside = join(place.base, 'outside')
    await mkdir(join(place.base, 'volumes'))
    await mkdir(place.outside)
  })

  afterEach(() => rm(place.base, { recursive: true, force: true }))
}

export function open(archive: Buffer | Readable, options: Partial<UnpackOptions> = {}) {
  const source = archive instanceof Readable ? archive : Readable.from(pieces(archive))
  return unpack(source, place.target, { signal: new AbortController().signal, ...options })
}

/** In pieces of odd sizes, so that nothing falls on the border of a block. */
export function* pieces(archive: Buffer, size = 1021): Generator<Buffer> {
  for (let at = 0; at < archive.length; at += size) yield archive.subarray(at, at + size)
}

/** Expects the archive to be refused, and nothing to be left of it anywhere. */
export async function refused(
  archive: Buffer | Readable,
  code: string,
  reason: RegExp,
  options: Partial<UnpackOptions> = {},
) {
  const error = await open(archive, options).then(
    () => expect.unreachable('it was unpacked'),
    (error: unknown) => error,
  )
  if (!(error instanceof AppError)) throw error
  expect(error.code).toBe(code)
  expect(error.message).toMatch(reason)
  await expectNothingLeft()
}

export async function expectNothingLeft() {
  expect(await readdir(join(place.base, 'volumes/.staging'))).toEqual([])
  expect((await readdir(join(place.base, 'volumes'))).sort()).toEqual(['.staging'])
  expect((await readdir(place.base)).sort()).toEqual(['outside', 'volumes'])
  expect(await readdir(place.outside)).toEqual([])
}
