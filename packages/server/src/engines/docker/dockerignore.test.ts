import { expect, test } from 'vitest'

import { parseDockerignore } from './dockerignore.ts'

test.each([
  ['', ['a', 'b/c'], []],
  ['# words\n\n.git\n/data/\n', ['x/.git', 'data.csv'], ['.git', '.git/config', 'data', 'data/a/b']],
  ['*.log', ['a/b.log', 'alog'], ['b.log']],
  ['**/*.log', ['a/log'], ['b.log', 'a/b.log', 'a/b/c.log']],
  ['a/**', ['a', 'b'], ['a/b', 'a/b/c']],
  ['a/**/z', ['a', 'z'], ['a/z', 'a/b/z', 'a/b/c/z', 'a/z/y']],
  ['file?.txt', ['file.txt', 'file/.txt'], ['file1.txt']],
  ['[a-c].txt', ['d.txt'], ['a.txt', 'c.txt']],
  ['*\n!keep.txt\n', ['keep.txt'], ['other', 'dir/keep.txt']],
  ['docs\n!docs/README.md\n', ['docs/README.md'], ['docs/other.md']],
  ['!x\nx', [], ['x']],
  ['./a/../b', ['a'], ['b']],
  ['a+b(1)\\*', ['aab(1)x'], ['a+b(1)*']],
])('%j keeps %j and leaves %j', (text, kept, left) => {
  const { ignores } = parseDockerignore(text)
  expect(kept.filter(ignores)).toEqual([])
  expect(left.filter((path) => !ignores(path))).toEqual([])
})

test('a folder is passed over whole only where nothing in it is taken back', () => {
  expect(parseDockerignore('docs').ignoresAllOf('docs')).toBe(true)
  expect(parseDockerignore('docs\n!docs/README.md').ignoresAllOf('docs')).toBe(false)
})
