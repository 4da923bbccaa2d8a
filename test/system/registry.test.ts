import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { pythonWith } from './support/python.ts'
import { useServerProcess } from './support/server-process.ts'

const python = await pythonWith('mlflow')
const folder = join(import.meta.dirname, '../python')

describe.skipIf(python === null)('the real client of MLflow (skipped where pip cannot fetch it)', () => {
  const server = useServerProcess()
  /** What a script printed last, with the client pointed at the server. */
  const run = async (script: string): Promise<unknown> => {
    const { url, key } = server()
    const env = { PATH: process.env['PATH'], MLFLOW_TRACKING_URI: url, MLFLOW_TRACKING_TOKEN: key }
    const { stdout } = await promisify(execFile)(python!, [join(folder, script)], { env })
    return JSON.parse(stdout.trim().split('\n').at(-1)!)
  }

  test('registers models, names them, searches them and loads them again', async () => {
    const { client } = server()
    expect(await run('register.py')).toEqual({
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
  test('registers models of XGBoost, ONNX and Keras, and loads them again as they were', async () => {
    const { model } = server().client
    const kept = ['READY', true, ['1'], ['model']]
    expect(await run('register_frameworks.py')).toEqual({ xgboost: kept, onnx: kept, keras: kept })
    const formats = { xgboost: 'xgboost', onnx: 'onnx', keras: 'keras' }
    for (const [name, format] of Object.entries(formats)) {
      const version = await model.resolve({ reference: `${name}@champion` })
      expect(version).toMatchObject({ format, verdict: 'clean', metrics: [{ name: 'accuracy', value: 0.9 }] })
      const read = await model.interpretation({ model: name, version: '1' })
      expect(read.inputs).toMatchObject([{ type: 'float32', shape: [null, 4] }])
      expect(read.warnings).toEqual([])
    }
    // Weights as the frameworks count them: 4 × 8 + 8 and 8 × 2 + 2 of the layers, 4 × 3 of the graph.
    expect((await model.resolve({ reference: 'keras' })).parameters).toBe(58)
    expect((await model.resolve({ reference: 'onnx' })).parameters).toBe(12)
    expect((await model.interpretation({ model: 'xgboost', version: '1' })).details).toMatchObject({ trees: '5' })
    expect((await model.graph({ model: 'onnx', version: '1' })).nodes.map(({ type }) => type)).toEqual([
      'MatMul',
      'Relu',
    ])
    expect((await model.graph({ model: 'keras', version: '1' })).nodes).toHaveLength(3)
  }, 240_000)
})
