import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { pythonWith } from './support/python.ts'
import { removeFolder, type ServerProcess, startServerProcess, temporaryFolder } from './support/server-process.ts'
import { startNabla } from './support/sync-client.ts'

const examples = join(import.meta.dirname, '../../examples/two-nodes')
const few = availableParallelism() < 2
const jax = few ? null : await pythonWith('mlflow')
const torch = spawnSync('python3', ['-c', 'import torch']).status === 0
const mpi = spawnSync('mpirun', ['--version']).status === 0

const because = (reason: string | false) => (reason === false ? '' : ` (skipped: ${reason})`)
const whyNoJax = few ? 'this machine has one processor' : jax === null && 'pip cannot fetch anything here'
const whyNoTorch = few ? 'this machine has one processor' : !torch && 'the Python of this machine has no torch'
const whyNoMpi = few ? 'this machine has one processor' : !mpi && 'Open MPI is not installed'

describe('two nodes that meet with the real framework, as the examples do', () => {
  test.skipIf(whyNoJax !== false)(`JAX${because(whyNoJax)}`, async () => {
    const server = await startServerProcess()
    // With what is installed for other tests: nothing is fetched again.
    const log = await runExample(server, 'jax.yaml', (spec) =>
      spec.replace(/^requirements: .*$/m, 'requirements: null').replace('command: python', `command: ${jax}`),
    )
    expectAgreed(log)
  })

  test.skipIf(whyNoTorch !== false)(`PyTorch${because(whyNoTorch)}`, async () => {
    const log = await runExample(await startServerProcess(), 'pytorch.yaml')
    expectAgreed(log)
  })

  test.skipIf(whyNoMpi !== false)(`Open MPI${because(whyNoMpi)}`, async () => {
    const log = await runExample(await startServerProcess(), 'mpi.yaml')
    expect(log.match(/rank \d of 2 on \S+/g)?.sort()).toEqual([
      expect.stringMatching(/^rank 0 of 2 on master/),
      expect.stringMatching(/^rank 1 of 2 on worker/),
    ])
  })
})

/** Both nodes found the same line, near the one that all points are on: 3 x + 1. */
function expectAgreed(log: string): void {
  const found = [...log.matchAll(/node (\d) of 2 has \[([\d.]+), ([\d.]+)\]/g)]
  expect(new Set(found.map(([, node]) => node))).toEqual(new Set(['0', '1']))
  for (const [, , slope, offset] of found) {
    expect([slope, offset]).toEqual([found[0]![2], found[0]![3]])
    expect(Math.abs(Number(slope) - 3)).toBeLessThan(0.3)
    expect(Math.abs(Number(offset) - 1)).toBeLessThan(0.3)
  }
}

/** Runs one of the examples, changed by `edit`, as its README says; answers with what all nodes wrote. */
async function runExample(server: ServerProcess, file: string, edit = (spec: string): string => spec): Promise<string> {
  const home = temporaryFolder()
  onTestFinished(() => removeFolder(home))
  cpSync(examples, home, { recursive: true })
  writeFileSync(join(home, file), edit(readFileSync(join(home, file), 'utf8')))
  const { code, stdout, stderr } = await startNabla(server, home, ['experiment', 'run', '-f', file]).end
  expect({ code, stderr: code === 0 ? '' : stderr + stdout }).toEqual({ code: 0, stderr: '' })
  return stdout
}
