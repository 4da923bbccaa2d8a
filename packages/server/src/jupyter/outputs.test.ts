import { describe, expect, test } from 'vitest'
import { limits } from '../lib/limits.ts'
import { putOutputs } from './notebook-file.ts'
import { noOutputs, type Output, takeOutput } from './outputs.ts'

type Given = [type: string, content: Record<string, unknown>]
const out = (text: string, name = 'stdout'): Given => ['stream', { name, text }]
const shown = (value: string, id?: string): Given => [
  'display_data',
  { data: { 'text/plain': value }, metadata: {}, ...(id !== undefined && { transient: { display_id: id } }) },
]

function after(...messages: Given[]): Output[] {
  const outputs = noOutputs()
  for (const [type, content] of messages) takeOutput(outputs, type, content)
  expect(JSON.parse(JSON.stringify(outputs))).toEqual(outputs)
  return outputs.items
}
const texts = (...messages: Given[]) =>
  after(...messages).map((one) => ('text' in one ? one.text : 'data' in one ? one.data['text/plain'] : 'error'))

describe('outputs of a run', () => {
  test.each<[string, string[], Given[]]>([
    ['texts of one stream are one', ['ab'], [out('a'), out('b')]],
    ['streams stay apart', ['a', 'b', 'c'], [out('a'), out('b', 'stderr'), out('c')]],
    ['clear takes all away', ['b'], [out('a'), ['clear_output', { wait: false }], out('b')]],
    ['clear waits for what comes next', ['a'], [out('a'), ['clear_output', { wait: true }]]],
    ['and then takes all away', ['b'], [out('a'), ['clear_output', { wait: true }], out('b')]],
    [
      'a display is updated where it stands',
      ['2', 'x'],
      [shown('1', 'd'), out('x'), ['update_display_data', shown('2', 'd')[1]]],
    ],
    [
      'an update of what is not here does nothing',
      ['1'],
      [shown('1', 'd'), ['update_display_data', shown('2', 'e')[1]]],
    ],
    ['a return writes over the line', ['100%\n'], [out('  1%'), out('\r 50%'), out('\r100%\n')]],
    ['what was longer shows on', ['bba'], [out('aaa\rbb')]],
    ['a return before a line feed is none', ['a\nb'], [out('a\r\nb')]],
    ['lines before are left alone', ['one\nthree'], [out('one\ntwo--'), out('\rthree')]],
    ['other messages are not outputs', [], [['status', { execution_state: 'idle' }]]],
  ])('%s', (_, expected, messages) => {
    expect(texts(...messages)).toEqual(expected)
  })

  test('bars of progress take no more room than their last state', () => {
    const [bar] = texts(...Array.from({ length: 5000 }, (_, i) => out(`\r${i} of 5000`)))
    expect(String(bar).length).toBeLessThan(30)
  })

  test('what is too long keeps its beginning and its end, and says what is missing', () => {
    const line = `${'x'.repeat(999)}\n`
    const count = Math.ceil((limits.jupyterStreamBytes * 3) / 1000)
    const [text] = texts(
      out('first\n'),
      ...Array.from({ length: count / 100 }, () => out(line.repeat(100))),
      out('last\n'),
    )
    expect(text).toMatch(/^first\n[^]*\n\[\d+ characters of output were left out here\.\]\n[^]*last\n$/)
    expect(String(text).length).toBeLessThan(limits.jupyterStreamBytes * 1.3)
  })

  test('too many outputs end in one line that says so', () => {
    const items = after(...Array.from({ length: limits.jupyterOutputs + 50 }, (_, i) => shown(String(i))))
    expect(items).toHaveLength(limits.jupyterOutputs + 1)
    expect(items.at(-1)).toMatchObject({ name: 'stderr' })
  })
})

describe('a notebook file', () => {
  const run = { cellId: 'a', code: 'print(1)', count: 3, outputs: after(out('1\n')) }
  const cell = (more: object) => ({ cell_type: 'code', source: 'print(1)', metadata: {}, outputs: [], ...more })

  test('gets the outputs into the cell with that id, and no other', () => {
    const document = {
      nbformat: 4,
      nbformat_minor: 5,
      cells: [cell({ id: 'b' }), cell({ id: 'a', source: 'changed' })],
    }
    expect(putOutputs(document, [run])).toBe(1)
    expect(document.cells[0]?.outputs).toEqual([])
    expect(document.cells[1]).toMatchObject({
      source: 'changed',
      execution_count: 3,
      metadata: { trusted: true },
      outputs: [{ output_type: 'stream', name: 'stdout', text: '1\n' }],
    })
  })

  test('gets a cell that was run and never saved', () => {
    const document = { nbformat: 4, nbformat_minor: 5, cells: [] as object[] }
    expect(putOutputs(document, [run])).toBe(1)
    expect(document.cells).toMatchObject([{ id: 'a', source: 'print(1)', execution_count: 3 }])
  })

  test('of before there were ids is matched by source, and is not added to', () => {
    const document = { nbformat: 4, nbformat_minor: 4, cells: [cell({ source: ['print(1)'] })] }
    expect(putOutputs(document, [run, { ...run, code: 'other' }])).toBe(1)
    expect(document.cells).toHaveLength(1)
  })

  test.each([{}, { nbformat: 3, cells: [] }, { nbformat: 4, cells: 'no' }])(
    'that is none is left alone: %j',
    (document) => {
      expect(putOutputs(document, [run])).toBe(0)
    },
  )
})
