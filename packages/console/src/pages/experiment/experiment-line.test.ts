import { describe, expect, test } from 'vitest'
import { experimentLine, readExperimentLine } from './experiment-line.ts'

const nothing = { from: 'nothing' } as const

describe('a line of nabla experiment run', () => {
  test('one node', () => {
    const document = { kind: 'single', project: 'p', command: 'python train.py', note: 'a note' }
    const line = experimentLine(document, nothing)
    expect(line).toBe(`experiment run --workspace none --project p --note 'a note' -- python train.py`)
    expect(readExperimentLine(`$ nabla ${line}`)).toEqual(document)
  })

  test('several nodes', () => {
    const document = {
      kind: 'multi-node',
      project: 'p',
      scheme: 'tensorflow',
      env: { LR: '0.1' },
      roles: [
        { name: 'worker', command: `python 'my file.py' | tee log`, count: 2 },
        { name: 'ps', command: 'python ps.py', machineType: 'small', image: 'tf:2' },
      ],
    }
    const line = experimentLine(document, nothing)
    expect(line).toContain('--scheme tensorflow')
    expect(line).toContain('--worker-count 2')
    expect(readExperimentLine(line!)).toEqual(document)
  })

  test('roles that the command line does not know need a file', () => {
    const roles = [{ name: 'chief', command: 'x' }]
    expect(experimentLine({ kind: 'multi-node', scheme: 'tensorflow', roles }, nothing)).toBeUndefined()
  })

  test.each([
    ['nabla experiment run --scheme nonsense --worker-command x', 'no scheme nonsense'],
    ['nabla experiment run --bogus 1', 'no option --bogus'],
    ['nabla experiment run -- echo $HOME', '$HOME'],
  ])('says what is wrong with %s', (line, problem) => {
    expect(() => readExperimentLine(line)).toThrow(problem)
  })
})
