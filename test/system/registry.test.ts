import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { pythonWith } from './support/python.ts'
import { useServerProcess } from './support/server-process.ts'

const python = await pythonWith('mlflow')
const script = join(import.meta.dirname, '../python/register.py')

describe.skipIf(python === null)('the real client of MLflow (skipped where pip cannot fetch it)', () => {
  const server = useServerProcess()

  test('registers models, names them, searches them and loads them again', async () => {
    const { client, url, key } = server()
    const { stdout } = await promisify(execFile)(python!, [script], {
      env: { PATH: process.env['PATH'], MLFLOW_TRACKING_URI: url, MLFLOW_TRACKING_TOKEN: key },
    })
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual({
      first: ['READY', true],
      loaded: [true, true],
      second: ['2', 'READY'],
      'of run': '3',
      models: [['iris'], ['iris'], ['iris', 'other'], ['other']],
      versions: [['3', '2', '1'], ['3', '2', '1'], ['2']],
      model: ['Flowers', { team: 'vision' }, { champion: '1' }, ['3']],
      alias: ['1', 'first one', { checked: 'yes' }, ['champion']],
      stage: 'Production',
      refused: [
        'INVALID_PARAMETER_VALUE',
        'RESOURCE_ALREADY_EXISTS',
        'INVALID_PARAMETER_VALUE',
        'INVALID_PARAMETER_VALUE',
        'RESOURCE_DOES_NOT_EXIST',
        'INVALID_PARAMETER_VALUE',
      ],
      renamed: ['flowers', 'RESOURCE_DOES_NOT_EXIST'],
      left: ['flowers'],
    })
    const version = await client.model.resolve({ reference: 'flowers:1' })
    expect(version).toMatchObject({ format: 'sklearn', state: 'ready', metrics: [{ name: 'accuracy', value: 0.93 }] })
    expect(version.lineage.project?.name).toBe('registry')
    const read = await client.model.interpretation({ model: 'flowers', version: '1' })
    expect(read.inputs).toMatchObject([{ type: 'float64', shape: [null, 4] }])
    // MLflow pickles with cloudpickle what scikit-learn made: nothing of it is unknown.
    expect(read).toMatchObject({ verdict: 'clean', pickles: [{ verdict: 'clean' }] })
  }, 240_000)
})
