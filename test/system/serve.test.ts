import { execFile, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { affine, counting, everyType, writeModel } from '@nabla/serve/testing/models'
import { afterAll, describe, expect, test } from 'vitest'
import { childrenOf } from './support/processes.ts'
import { pythonWith } from './support/python.ts'

const root = join(import.meta.dirname, '../..')
const program = join(root, 'packages/serve/src/main.ts')
const corpus = join(root, 'test/model-corpus')
const python = await pythonWith('serve')

test('the model server says what is wrong with its options, and ends with 2', () => {
  const run = (...args: string[]) => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' })
  expect(run()).toMatchObject({ status: 2, stderr: expect.stringContaining('usage: main.ts --config FILE') })
  const missing = run('--model', '/models/x', '--port', '99999')
  expect(missing).toMatchObject({ status: 2, stderr: expect.stringContaining('the options: port') })
})

describe.skipIf(python === null)('the model server and real clients (skipped where pip cannot fetch them)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-serve-'))
  const lines: string[] = []
  let server: ReturnType<typeof spawn>
  let address = ''

  test('it loads models of three frameworks', { timeout: 480_000 }, async () => {
    const onnx = (name: string, graph: typeof affine) => ({
      name,
      path: writeModel(folder, name, graph),
      format: 'onnx',
    })
    const inPython = (name: string, format: string) => ({ name: format, path: join(corpus, name, 'model'), format })
    const config = {
      port: 0,
      python,
      models: [
        { ...onnx('affine', affine), classes: ['low', 'high'] },
        onnx('types', everyType),
        onnx('counting', counting),
        inPython('sklearn-joblib', 'sklearn'),
        inPython('xgboost-ubj', 'xgboost'),
      ],
      limits: { maxBatch: 32, threads: 1 },
    }
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
    server = spawn(process.execPath, [program, '--config', join(folder, 'config.json')])
    const output = createInterface({ input: server.stdout! })
    output.on('line', (line) => lines.push(line))
    await expect.poll(() => lines.join('\n'), { timeout: 60_000 }).toMatch(/listening on http/)
    address = /http:\/\/(\S+)/.exec(lines.join('\n'))![1]!
    await expect
      .poll(() => fetch(`http://${address}/v2/health/ready`).then((reply) => reply.json()), { timeout: 400_000 })
      .toEqual({ ready: true })
  })

  afterAll(() => {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  test(
    'the client of Triton: binary and JSON, every type, classes, and models in Python',
    { timeout: 420_000 },
    async () => {
      const script = join(root, 'test/python/use_model_server.py')
      const { stdout } = await promisify(execFile)(python!, [script, address, corpus])
      expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual({
        live: true,
        ready: true,
        model: true,
        metadata: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
        batch: 32,
        index: ['affine READY', 'counting READY', 'sklearn READY', 'types READY', 'xgboost READY'],
        best: ['80:1:high', '260:1:high'],
        refusals: [
          'input x: expected float32 [?, 3], got float32 [2, 2]',
          'input x is missing: expected x (float32 [?, 3])',
          'input x: expected float32 [?, 3], got float64 [2, 3]',
          'there is no model none: expected affine, types, counting, sklearn, xgboost',
        ],
      })
    },
  )

  test('SIGTERM, even to each of its processes, ends it once it has answered what is under way', async () => {
    const workers = childrenOf(server.pid!)
    expect(workers).toHaveLength(5)
    const slow = fetch(`http://${address}/v1/models/counting:predict`, {
      method: 'POST',
      body: JSON.stringify({ inputs: { times: 1_000_000, start: [0] } }),
    })
    const metrics = () => fetch(`http://${address}/metrics`).then((reply) => reply.text())
    await expect
      .poll(metrics, { interval: 1, timeout: 30_000 })
      .toMatch(/running_batches\{model="counting",version="1"\} 1|batch_rows_count\{model="counting",version="1"\} 1/)
    const exit = new Promise((resolve) => server.once('exit', resolve))
    for (const pid of [...workers, server.pid!]) process.kill(pid, 'SIGTERM')
    expect(await (await slow).json()).toEqual({ outputs: [1_000_000] })
    expect(await exit).toBe(0)
    await expect.poll(() => workers.filter(isThere), { timeout: 30_000 }).toEqual([])
    expect(lines.join('\n')).toMatch(/SIGTERM: answering what is under way/)
  })
})

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
