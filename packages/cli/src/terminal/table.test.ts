import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Column, renderFields, renderTable } from './table.ts'
import { onOneLine, truncate, widthOf } from './terminal-width.ts'

interface Row {
  name: string
  state: string
  command: string
}

const rows: Row[] = [
  { name: 'quiet-grove-52', state: 'succeeded', command: 'python train.py --epochs 5 --learning-rate 0.1' },
  { name: 'a', state: 'failed', command: 'make\nmodel' },
  { name: '日本語の名前', state: 'running', command: '🚀 go' },
]
const columns: Column<Row>[] = [
  { title: 'NAME', rank: 0, shrinkTo: 8, value: (row) => row.name },
  { title: 'STATE', rank: 1, align: 'right', value: (row) => row.state },
  { title: 'COMMAND', rank: 2, shrinkTo: 12, value: (row) => row.command },
]
const plain = (text: string): string => text

test('a wide table shows everything', () => {
  expect(renderTable(rows, columns, undefined, plain)).toMatchInlineSnapshot(`
    [
      "NAME                STATE  COMMAND",
      "quiet-grove-52  succeeded  python train.py --epochs 5 --learning-rate 0.1",
      "a                  failed  make ⏎ model",
      "日本語の名前      running  🚀 go",
    ]
  `)
})

test('names may be cut in their middle', () => {
  const names = ['digits-distributed-worker-1', '日本語の名前日本語', 'short']
  const column = { title: 'NAME', rank: 0, shrinkTo: 12, cut: 'middle' as const, value: (name: string) => name }
  expect(renderTable(names, [column], 12, plain)).toEqual(['NAME', 'digits…ker-1', '日本語…本語', 'short'])
})

test('a narrow one cuts the columns that may be cut, then drops the least important', () => {
  expect(renderTable(rows, columns, 45, plain)).toMatchInlineSnapshot(`
    [
      "NAME                STATE  COMMAND",
      "quiet-grove-52  succeeded  python train.py -…",
      "a                  failed  make ⏎ model",
      "日本語の名前      running  🚀 go",
    ]
  `)
  expect(renderTable(rows, columns, 30, plain)).toMatchInlineSnapshot(`
    [
      "NAME                STATE",
      "quiet-grove-52  succeeded",
      "a                  failed",
      "日本語の名前      running",
    ]
  `)
  expect(renderTable(rows, columns, 12, plain)).toMatchInlineSnapshot(`
    [
      "NAME",
      "quiet-grove…",
      "a",
      "日本語の名前",
    ]
  `)
})

test('no line is wider than the terminal while there is something to drop or cut', () => {
  const cell = fc.string({ unit: 'grapheme', maxLength: 40 })
  const row = fc.record({ name: cell, state: cell, command: cell })
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), fc.integer({ min: 20, max: 120 }), (some, width) => {
      for (const line of renderTable(some, columns, width, plain)) expect(widthOf(line)).toBeLessThanOrEqual(width)
    }),
  )
})

test('colours take no room', () => {
  const red = (text: string): string => `\u001b[31m${text}\u001b[39m`
  const painted = columns.map((column) => ({ ...column, paint: red }))
  const lines = renderTable(rows, painted, 60, red).map((line) => stripVTControlCharacters(line))
  expect(lines).toEqual(renderTable(rows, columns, 60, plain))
})

test('values below each other stay in their column', () => {
  const fields = [
    ['name', 'digits'],
    ['variables', 'A=1\nB=2'],
  ] as const
  expect(renderFields(fields, plain)).toEqual(['name       digits', 'variables  A=1\n           B=2'])
  const phases = [['phases', 'queue 1 s → files 2 s → run 3 s']] as const
  expect(renderFields(phases, plain, 30)).toEqual(['phases  queue 1 s → files 2 s\n        → run 3 s'])
})

test('text from elsewhere cannot steer the terminal', () => {
  expect(onOneLine('a\n  b\u001b[2Jc\u0007')).toBe('a ⏎ b [2Jc ')
})

test('a text is cut at whole characters', () => {
  expect(truncate('日本語', 6)).toBe('日本語')
  expect(truncate('日本語', 5)).toBe('日本…')
  expect(truncate('日本語', 4)).toBe('日…')
  expect(widthOf('e\u0301👩‍🚀')).toBe(3)
})
