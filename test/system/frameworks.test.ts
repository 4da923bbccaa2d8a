import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { pythonWith } from './support/python.ts'
import { removeFolder, temporaryFolder, useServerProcess } from './support/server-process.ts'
import { startNabla } from './support/sync-client.ts'

const examples = join(import.meta.dirname, '../../examples/two-nodes')
const few = availableParallelism() < 2
const [jax, tensorflow] = few ? [null, null] : await Promise.all([pythonWith('mlflow'), pythonWith('tensorflow-cpu')])
// Debian's PyTorch is one for its own Python.
const torch = ['python3', '/usr/bin/python3'].find((python) => works(python, ['-c', 'import torch']))
const mpi = works('mpirun', ['--version'])

const because = (reason: string | false) => (reason === false ? '' : ` (skipped: ${reason})`)
const whyNo = (missing: string | false): string | false => (few ? 'this machine has one processor' : missing)
const whyNoJax = whyNo(jax === null && 'pip cannot fetch anything here')
const whyNoTensorflow = whyNo(tensorflow === null && 'pip cannot fetch anything here')
const whyNoTorch = whyNo(torch === undefined && 'no Python of this machine has torch')
const whyNoMpi = whyNo(!mpi && 'Open MPI is not installed')

describe('two nodes that meet with the real framework, as the examples do', () => {
  const server = useServerProcess()
  // Importing a framework takes a minute where others are busy.
  const options = { timeout: 240_000 }

  test.skipIf(whyNoJax !== false)(`JAX${because(whyNoJax)}`, options, async () => {
    expectAgreed(await runExample('jax.yaml', installed(jax)))
  })

  test.skipIf(whyNoTensorflow !== false)(`TensorFlow, over TF_CONFIG${because(whyNoTensorflow)}`, options, async () => {
    expectAgreed(await runExample('tensorflow.yaml', installed(tensorflow)))
  })

  const parameterServer = 'TensorFlow with a parameter server, over PS_HOSTS and WORKER_HOSTS'
  test.skipIf(whyNoTensorflow !== false)(`${parameterServer}${because(whyNoTensorflow)}`, options, async () => {
    const log = await runExample('parameter-server.yaml', installed(tensorflow))
    const [, place, slope, offset] = /weights on (\S+) are \[([\d.]+), ([\d.]+)\]/.exec(log) ?? []
    expect(place, log).toBe('/job:ps/replica:0/task:0/device:CPU:0')
    expectNear(slope!, offset!)
    // It would serve for ever: it is ended when the worker has.
    const { jobs } = await server().client.experiment.show({ experiment: 'parameter-server' })
    expect(jobs.map(({ host, state, reason }) => [host, state, reason])).toEqual([
      ['worker-0', 'succeeded', null],
      ['ps-0', 'succeeded', 'It was ended when the other nodes had finished.'],
    ])
  })

  test.skipIf(whyNoTorch !== false)(`PyTorch${because(whyNoTorch)}`, options, async () => {
    expectAgreed(await runExample('pytorch.yaml', (spec) => spec.replace('python3 train', `${torch} train`)))
  })

  test.skipIf(whyNoTorch !== false)(`PyTorch with torchrun${because(whyNoTorch)}`, options, async () => {
    // The options say where output goes: by themselves those of PyTorch 1.13 fail on Python 3.11.
    const torchrun = `${torch} -m torch.distributed.run --redirects 0:1 --tee 0:1 train`
    expectAgreed(await runExample('pytorch.yaml', (spec) => spec.replace('python3 train', torchrun)))
  })

  test.skipIf(whyNoMpi !== false)(`Open MPI${because(whyNoMpi)}`, options, async () => {
    const log = await runExample('mpi.yaml')
    expect(log.match(/rank \d of 2 on \S+/g)?.sort()).toEqual([
      expect.stringMatching(/^rank 0 of 2 on master/),
      expect.stringMatching(/^rank 1 of 2 on worker/),
    ])
  })

  /** Runs one of the examples, changed by `edit`, as its README says; answers with what all nodes wrote. */
  async function runExample(file: string, edit = (spec: string): string => spec): Promise<string> {
    const home = temporaryFolder()
    onTestFinished(() => removeFolder(home))
    cpSync(examples, home, { recursive: true })
    writeFileSync(join(home, file), edit(readFileSync(join(home, file), 'utf8')))
    const { code, stdout, stderr } = await startNabla(server(), home, ['experiment', 'run', '-f', file]).end
    expect({ code, stderr: code === 0 ? '' : stderr + stdout }).toEqual({ code: 0, stderr: '' })
    return stdout
  }
})

function works(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args).status === 0
}

/** With what is installed for tests: nothing is fetched again. */
const installed =
  (python: string | null) =>
  (spec: string): string =>
    spec.replace(/^requirements: .*$/m, 'requirements: null').replaceAll('command: python', `command: ${python}`)

/** Both nodes found the same line, near the one that all points are on: 3 x + 1. */
function expectAgreed(log: string): void {
  const found = [...log.matchAll(/node (\d) of 2 has \[([\d.]+), ([\d.]+)\]/g)]
  expect(new Set(found.map(([, node]) => node)), log).toEqual(new Set(['0', '1']))
  for (const [, , slope, offset] of found) {
    expect([slope, offset]).toEqual([found[0]![2], found[0]![3]])
    expectNear(slope!, offset!)
  }
}

function expectNear(slope: string, offset: string): void {
  expect(Math.abs(Number(slope) - 3)).toBeLessThan(0.3)
  expect(Math.abs(Number(offset) - 1)).toBeLessThan(0.3)
}
