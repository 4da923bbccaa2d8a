import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { toYaml } from './yaml.ts'

test.each([
  { script: 'one\ntwo\n  three', more: [{ script: 'a\nb\n' }, 'x\n\ny'] },
  { odd: ['a\n', ' a\nb', 'a\r\nb', 'a\nb\n\n', 'a\n\tb', '\n', 'a\u0007\nb', 'a\nb ', 'yes', '1', 'script@v1'] },
  { deep: { er: { still: 'one: 1\n# two\n- three' } }, empty: {}, none: [] },
])('what is written is read back the same: %j', (value) => {
  expect(parse(toYaml(value))).toEqual(value)
})

test('several lines stand as they are', () => {
  expect(toYaml({ with: { script: 'echo a\necho b' } })).toBe('\nwith:\n  script: |-\n    echo a\n    echo b\n')
})
