import { expect, test } from 'vitest'
import { prefixFor } from './event-places.ts'

test('metrics of the first folder with event files have no prefix, others as much as tells them apart', () => {
  const known = new Map<string, string>()
  const prefix = (folder: string) => {
    const found = prefixFor(folder, known)
    known.set(folder, found)
    return found
  }
  expect(prefix('/artifacts/fit/train')).toBe('train/')
  expect(prefix('/artifacts/fit/validation')).toBe('validation/')
  expect(prefix('/paperspace/runs/Nov22_host')).toBe('')
  expect(prefix('/paperspace/runs/Nov23_host')).toBe('Nov23_host/')
  expect(prefix('/artifacts/again/train')).toBe('again/train/')
  expect(prefix('/artifacts/fit/train')).toBe('train/')
  expect(prefix('/artifacts')).toBe('artifacts/')
})
