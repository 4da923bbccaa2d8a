import { describe, expect, test } from 'vitest'

import { makeMachineTypes } from './machine-types.ts'

const GiB = 2 ** 30
const machine = { cpus: 4, memoryBytes: 16 * GiB, gpus: [], machine: 'here' }
const gpus = [0, 1].map((index) => ({ index, name: 'A100', memoryBytes: 40 * GiB }))

describe('machine types that are made up', () => {
  test('are slices of the machine, and half of it is the default', () => {
    const { all, default: fallback } = makeMachineTypes(new Map([['process', machine]]), [], undefined, 1)
    expect(all.map(({ name }) => name)).toEqual(['C1', 'C2', 'C4'])
    expect(fallback.name).toBe('C2')
  })

  test('have the name of their engine behind, but for the first engine', () => {
    const both = new Map([
      ['process', { ...machine, gpus }],
      ['docker', { ...machine, gpus }],
    ])
    const { all, default: fallback, defaults } = makeMachineTypes(both, [], undefined, 1)
    expect(all.map(({ name }) => name)).toEqual([
      'C1',
      'C1-docker',
      'C2',
      'C2-docker',
      'C4',
      'C4-docker',
      'G1',
      'G1-docker',
      'G2',
      'G2-docker',
    ])
    expect(all.find(({ name }) => name === 'C2-docker')?.engine).toBe('docker')
    expect([fallback.name, defaults.get('process')?.name, defaults.get('docker')?.name]).toEqual([
      'G1',
      'G1',
      'G1-docker',
    ])
  })

  test('give way to those of the settings, whose default is kept for its engine', () => {
    const both = new Map([
      ['process', machine],
      ['docker', machine],
    ])
    const type = { cpus: 1, memoryBytes: GiB, gpus: 0 }
    const configured = [
      { ...type, name: 'bare', engine: 'process' },
      { ...type, name: 'small', engine: 'docker' },
      { ...type, name: 'large', engine: 'docker', cpus: 2 },
    ]
    const { default: fallback, defaults } = makeMachineTypes(both, configured, 'large', 1)
    expect([fallback.name, defaults.get('process')?.name, defaults.get('docker')?.name]).toEqual([
      'large',
      'bare',
      'large',
    ])
  })
})
