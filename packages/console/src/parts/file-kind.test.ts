import { expect, test } from 'vitest'
import { isText, kindOfFile, parseFrame, parseLines, parseTable, readableName } from './file-kind.ts'

test('a file is shown by the end of its name', () => {
  expect(kindOfFile('a/b.PNG')).toBe('image')
  expect(kindOfFile('a.b/Makefile')).toBe('text')
  expect(kindOfFile('x.constructor')).toBe('text')
  expect(isText(new TextEncoder().encode('straße\n'))).toBe(true)
  expect(isText(new Uint8Array([0x7f, 0x45, 0, 1]))).toBe(false)
})

test('a name hides nothing', () => {
  expect(readableName('a\u202Egpj.exe')).toBe('a\\u{202e}gpj.exe')
  expect(readableName('two\nlines')).toBe('two\\u{a}lines')
})

test('tables: quotes, empty values, ends of lines, and a row that is cut', () => {
  expect(parseTable('a,b\r\n"x, ""y""\nz",\r\n,2', ',', 9, false)).toEqual([
    ['a', 'b'],
    ['x, "y"\nz', ''],
    ['', '2'],
  ])
  expect(parseTable('a,b\n1,2\n3,', ',', 9, true)).toEqual([
    ['a', 'b'],
    ['1', '2'],
  ])
  expect(parseTable('a\n1\n2\n3', ',', 2, false)).toEqual([['a'], ['1']])
  expect(parseTable('"never ends', ',', 9, false)).toEqual([['never ends']])
})

test('JSON lines have a column for each key', () => {
  expect(parseLines('{"a":1}\n{"b":"x","a":[2]}\nbad\n', 9, false)).toEqual([
    ['a', 'b', 'value'],
    ['1', '', ''],
    ['[2]', 'x', ''],
    ['', '', 'bad'],
  ])
})

test('JSON that is a table, as pandas and MLflow write it', () => {
  const value = {
    columns: ['a', 'b'],
    data: [
      [1, 'x'],
      [null, { deep: true }],
      [2, 'y'],
    ],
  }
  expect(parseFrame(value, 2)).toEqual([
    ['a', 'b'],
    ['1', 'x'],
    ['null', '{"deep":true}'],
  ])
  for (const other of [null, 7, [], { columns: ['a'], data: [1] }, { columns: [], data: [] }]) {
    expect(parseFrame(other, 2)).toBeUndefined()
  }
})
