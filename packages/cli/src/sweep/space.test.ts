import { paramText } from '@nabla/api/param-text'
import { searchSpace } from '@nabla/api/search-space'
import { describe, expect, test } from 'vitest'
import { paramOf } from './param.ts'

describe('a parameter on the command line', () => {
  test.each([
    ['layers=1..8', { layers: { type: 'int', low: 1, high: 8, log: false } }],
    ['units=16..512:log', { units: { type: 'int', low: 16, high: 512, log: true } }],
    ['rate=1e-4..1:log', { rate: { type: 'uniform', low: 1e-4, high: 1, log: true } }],
    ['drop=0..0.5:step=0.1', { drop: { type: 'uniform', low: 0, high: 0.5, log: false, step: 0.1 } }],
    ['shift=-2..-1', { shift: { type: 'int', low: -2, high: -1, log: false } }],
    ['opt=sgd,adam', { opt: { type: 'choice', values: ['sgd', 'adam'] } }],
    ['flag=true,false', { flag: { type: 'choice', values: [true, false] } }],
    ['size=32,64', { size: { type: 'choice', values: [32, 64] } }],
  ])('%s', (text, expected) => {
    expect(paramOf(text)).toEqual(expected)
    const [[name, one]] = Object.entries(searchSpace.parse(expected)) as [[string, Parameters<typeof paramText>[0]]]
    expect(paramOf(`${name}=${paramText(one)}`)).toEqual(expected)
  })

  test.each(['rate', '=1..2', 'rate=', 'rate=1..', 'rate=1..2:cubed'])('%s is refused', (text) => {
    expect(() => paramOf(text)).toThrow('--param')
  })
})
