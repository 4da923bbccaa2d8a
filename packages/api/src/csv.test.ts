import { expect, test } from 'vitest'
import { csvLine, toCsv } from './csv.ts'

test('quotes what would be taken for more than one field, and leaves empty what is not known', () => {
  expect(toCsv(['run', 'value', 'at'], [['a, "b"\nc', 0.5, null]])).toBe('run,value,at\r\n"a, ""b""\nc",0.5,\r\n')
})

test.each(['=1+1', '+SUM(A1)', '@A1', '-1-1', '\t=1'])('gives a spreadsheet no formula: %j', (text) => {
  expect(csvLine([text])).toBe(`'${text}\r\n`)
})

test.each(['-1', '+2.5', '-1e-9', '-Infinity'])('leaves a number a number: %s', (text) => {
  expect(csvLine([text])).toBe(`${text}\r\n`)
})
