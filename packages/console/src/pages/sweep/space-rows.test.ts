import { searchSpace } from '@nabla/api/search-space'
import { describe, expect, test } from 'vitest'
import { emptyRow, rowProblem, rowsOfSpace, spaceOfRows, valuesOf } from './space-rows.ts'

describe('rows of a search space', () => {
  test('are the space, and come back from it', () => {
    const space = {
      rate: { type: 'uniform' as const, low: 1e-4, high: 1, log: true },
      layers: { type: 'int' as const, low: 2, high: 8, step: 2 },
      noise: { type: 'normal' as const, mean: 0, deviation: 2 },
      opt: { type: 'choice' as const, values: ['sgd', 'adam', 3, true, null] },
      momentum: { type: 'uniform' as const, low: 0, high: 1, when: { parameter: 'opt', is: ['sgd', 3] } },
    }
    expect(searchSpace.parse(spaceOfRows(rowsOfSpace(space)))).toEqual(searchSpace.parse(space))
  })

  test('values of a choice are read as the command line reads them', () => {
    expect(valuesOf(' sgd, 1e-3,true , null,, a b')).toEqual(['sgd', 0.001, true, null, 'a b'])
  })

  test('say what is wrong as one types', () => {
    const rows = [emptyRow({ name: 'a', low: '1', high: 'x' }), emptyRow({ name: 'a' }), emptyRow({ name: 'b' })]
    expect(rowProblem(rows[0]!, rows.slice(0, 1))).toBe('x is no number.')
    expect(rowProblem(rows[1]!, rows)).toBe('There are two of this name.')
    expect(rowProblem(rows[2]!, rows)).toBeUndefined()
    const waiting = emptyRow({ name: 'm', low: '0', high: '1', when: 'opt' })
    expect(rowProblem(waiting, [waiting])).toBe('Choose when opt asks for it.')
  })
})
