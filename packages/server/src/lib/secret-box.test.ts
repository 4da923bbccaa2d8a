import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSecretBox } from './secret-box.ts'

let data: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'nabla-box-'))
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

test('opens what it sealed, also after a restart', () => {
  const sealed = openSecretBox(data).seal('geheim äöü 🔑', 'te1/pr1/TOKEN')
  expect(openSecretBox(data).open(sealed, 'te1/pr1/TOKEN')).toBe('geheim äöü 🔑')
})

test('the key is a file of 32 bytes that only its owner reads, and nothing else is left', () => {
  openSecretBox(join(data, 'new'))
  expect(readdirSync(join(data, 'new'))).toEqual(['secret.key'])
  const { mode, size } = statSync(join(data, 'new', 'secret.key'))
  expect(mode & 0o777).toBe(0o600)
  expect(size).toBe(32)
})

test('the same text is sealed differently each time, and is not in there', () => {
  const box = openSecretBox(data)
  const [first, second] = [box.seal('hunter2', 'a'), box.seal('hunter2', 'a')]
  expect(first).not.toBe(second)
  expect(Buffer.from(first, 'base64').includes('hunter2')).toBe(false)
})

test('refuses what was sealed for another context, with another key, or has been changed', () => {
  const box = openSecretBox(data)
  const sealed = box.seal('value', 'te1//TOKEN')
  const refusal = expect.objectContaining({ code: 'secret_unreadable', params: { name: 'OTHER' } })
  expect(() => box.open(sealed, 'te1//OTHER')).toThrow(refusal)
  expect(() => box.open(sealed, 'te2//OTHER')).toThrow(refusal)
  const bytes = Buffer.from(sealed, 'base64')
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(() => box.open(changed.toString('base64'), 'te1//TOKEN')).toThrow('TOKEN')
  }
  // A shorter tag would be easier to guess.
  expect(() => box.open(bytes.subarray(0, 20).toString('base64'), 'te1//TOKEN')).toThrow('TOKEN')
  rmSync(join(data, 'secret.key'))
  expect(() => openSecretBox(data).open(sealed, 'te1//TOKEN')).toThrow('TOKEN')
})

test('a damaged key is not replaced', () => {
  writeFileSync(join(data, 'secret.key'), 'short')
  expect(() => openSecretBox(data)).toThrow(expect.objectContaining({ code: 'data_unusable' }))
  expect(readFileSync(join(data, 'secret.key'), 'utf8')).toBe('short')
})

test('keys for other purposes are the same after a restart, and differ by purpose and by folder', () => {
  const box = openSecretBox(data)
  expect(box.derive('a')).toHaveLength(32)
  expect(openSecretBox(data).derive('a')).toEqual(box.derive('a'))
  expect(box.derive('b')).not.toEqual(box.derive('a'))
  expect(openSecretBox(join(data, 'other')).derive('a')).not.toEqual(box.derive('a'))
})
