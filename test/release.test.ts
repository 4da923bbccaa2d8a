import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseChange, renderRelease } from '../tools/release.ts'
import { root } from './sources.ts'

test('changes become a release, by area', () => {
  const changes = [
    parseChange('a.md', 'jobs: Stop a job\n\nAnd all\nit started.\n'),
    parseChange('b.md', 'cli: Say why\n'),
    parseChange('c.md', 'jobs: Clone a job'),
  ]
  expect(renderRelease('1.2.3', '2026-11-30', changes)).toBe(`
## 1.2.3 (2026-11-30)

### cli

- Say why

### jobs

- Stop a job

  And all
  it started.

- Clone a job
`)
})

test('a change without an area is refused, with the file named', () => {
  expect(() => parseChange('x.md', 'Stop a job')).toThrow('x.md: the first line must be')
})

test('every change that waits can be released', () => {
  const files = globSync('changes/*.md', { cwd: root }).filter((file) => !file.endsWith('README.md'))
  for (const file of files) expect(parseChange(file, readFileSync(join(root, file), 'utf8')).title).not.toBe('')
})
