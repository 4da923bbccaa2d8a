import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Experiment } from '@nabla/api/experiment'
import type { Run } from '@nabla/api/run'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'
import { startServer, type TestServer } from '../testing/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const cli = (cwd: string, argv: string[], more: Parameters<typeof runCli>[1] = {}) =>
  runCli(argv, { cwd, ...more, env: { ...server.env, ...more.env } })

test('runs a single node, exits as it did, and keeps how it was made', async () => {
  const cwd = await aFolder('lr')
  const line = ['experiment', 'run', '--name', 'lr one', '--tag', 'a', '--', 'echo $NABLA_EXPERIMENT_NAME; exit 3']
  const ran = await cli(cwd, line)
  expect(ran).toMatchObject({ exitCode: 3, stdout: 'lr one\n' })
  expect(ran.stderr).toMatch(/✖ failed · exit code 3/)
  const shown = await cli(cwd, ['experiment', 'show', 'lr one'])
  expect(shown.stdout).toContain("made with  nabla experiment run --name 'lr one' --tag a --")
  expect(await cli(cwd, ['experiment', 'logs', 'lr one'])).toMatchObject({ exitCode: 0, stdout: 'lr one\n' })
  const made = await cli(cwd, ['experiment', 'clone', 'lr one', '--json', '--', 'true'])
  const { id, state } = JSON.parse(made.stdout) as Experiment
  expect(state).toBe('created')
  expect((await cli(cwd, ['experiment', 'start', id, '--follow'])).exitCode).toBe(0)
  const listed = await cli(cwd, ['experiment', 'list'], { columns: 50, env: { NO_COLOR: '1' } })
  expect(listed.stdout).toMatch(/NAME +STATE/)
  expect(Math.max(...listed.stdout.split('\n').map((row) => row.length))).toBeLessThanOrEqual(50)
  expect((await cli(cwd, ['experiment', 'delete', id, 'lr one'])).exitCode).toBe(0)
})

test('off a terminal, it says once what it waits for', async () => {
  const cwd = await aFolder('full')
  const plain = ['--workspace', 'none', '--no-requirements', '--project', 'full', '--machine-type', 'C1']
  const taken = Array.from({ length: availableParallelism() }, (_, number) => `taken ${number}`)
  for (const name of taken) await cli(cwd, ['run', '--detach', '--name', name, ...plain, '--', 'sleep 600'])
  let waiting = 2
  const free = () => cli(cwd, ['job', 'stop', '--grace', '0s', ...taken])
  const onOutput = (text: string) => void (text.startsWith('Waiting: ') && --waiting === 0 && free())
  const single = cli(cwd, ['experiment', 'run', '--name', 'late', ...plain, '--', 'echo one'], { onOutput })
  const job = cli(cwd, ['run', ...plain, '--', 'echo one'], { onOutput })
  for (const ran of await Promise.all([single, job])) {
    expect(ran).toMatchObject({ exitCode: 0, stdout: 'one\n' })
    expect(ran.stderr.match(/^Waiting: the processors are taken .*$/gm)).toHaveLength(1)
  }
}, 60_000)

test('compares what experiments logged, and says which has logged nothing', async () => {
  const cwd = await aFolder('compared')
  await writeFile(join(cwd, 'log.py'), log)
  const run = (name: string, ...words: string[]) =>
    cli(cwd, ['experiment', 'run', '--no-requirements', '--name', name, '--', ...words])
  for (const lr of ['0.1', '0.2']) expect(await run(`lr ${lr}`, 'python3', 'log.py', lr)).toMatchObject({ exitCode: 0 })
  await run('silent', 'true')
  const compared = await cli(cwd, ['experiment', 'compare', 'lr 0.1', 'lr 0.2'], { env: { NO_COLOR: '1' } })
  expect(compared).toMatchObject({ exitCode: 0 })
  expect(compared.stdout).toMatch(/lr 0\.1 +lr 0\.2/)
  expect(compared.stdout).toMatch(/loss +0\.1 [▁-█]+ +0\.2 [▁-█]+/)
  expect(compared.stdout).toMatch(/params\.lr +0\.1 +0\.2/)
  const silent = await cli(cwd, ['experiment', 'compare', 'lr 0.1', 'silent'])
  expect(silent.stderr).toContain('No node of silent has logged anything.')
  expect(silent.exitCode).toBe(1)
}, 60_000)

const few = availableParallelism() < 2
describe.skipIf(few)(few ? 'several nodes: this machine has one processor' : 'several nodes', () => {
  const role = ['--worker-machine-type', 'C1', '--workspace', 'none', '--no-requirements', '--project', 'gang']

  test('reach each other by name, and each has an address of its own', async () => {
    const cwd = await aFolder('gang')
    await writeFile(join(cwd, 'meet.py'), meet)
    const command = ['--worker-command', 'python3 meet.py', '--worker-count', '2', '--scheme', 'none']
    const ran = await cli(cwd, ['experiment', 'run', '--name', 'meet', ...role.toSpliced(2, 2), ...command])
    expect(ran.stdout.trim().split('\n').toSorted()).toEqual(['worker-0 │ heard worker-1', 'worker-1 │ heard worker-0'])
    expect(ran.exitCode).toBe(0)
    const shown = await cli(cwd, ['experiment', 'show', 'meet'])
    expect(shown.stdout).toMatch(/worker-1 +✔ succeeded +meet-worker-2/)
  })

  test('log the same metric of one run, and no value is lost', async () => {
    const cwd = await aFolder('shared')
    await writeFile(join(cwd, 'log.py'), logTogether)
    const command = ['--worker-command', 'python3 log.py', '--worker-count', '2', '--scheme', 'none']
    const ran = await cli(cwd, ['experiment', 'run', '--name', 'shared', ...role.toSpliced(2, 2), ...command])
    expect(ran).toMatchObject({ exitCode: 0 })
    const listed = await cli(cwd, ['runs', 'list', '--json'])
    const runs = (JSON.parse(listed.stdout) as Run[]).filter(({ experiment }) => experiment?.name === 'shared')
    expect(runs.map(({ metrics }) => metrics)).toEqual([
      { loss: expect.objectContaining({ count: 20, min: 0, max: 1, step: 9 }) },
    ])
  }, 60_000)

  const mpi = hasMpi()
  test.skipIf(!mpi)(mpi ? 'are started by mpirun, without keys or ssh' : 'mpirun is not there', async () => {
    const cwd = await aFolder('mpi')
    const command = 'mpirun -np 2 sh -c "echo rank $OMPI_COMM_WORLD_RANK on $(hostname)"'
    const quoted = command.replaceAll('"', "'")
    const line = ['experiment', 'run', '--master-command', quoted, '--master-machine-type', 'C1', '--worker-count', '1']
    const ran = await cli(cwd, [...line, ...role])
    expect(ran.stdout.trim().split('\n').toSorted()).toEqual([
      'master-0 │ rank 0 on master-0',
      'master-0 │ rank 1 on worker-0',
    ])
    expect(ran.exitCode).toBe(0)
  })
})

test('reads a file, writes one, and says where one is wrong', async () => {
  const cwd = await aFolder('file')
  const options = ['--scheme', 'jax', '--worker-command', 'python train.py', '--worker-count', '2', '--name', 'two']
  const wrote = await cli(cwd, ['experiment', 'create', ...options, '--create-options-file', 'e.yaml'])
  expect(wrote.stderr).toContain('nabla experiment run -f e.yaml')
  const shown = await cli(cwd, ['experiment', 'run', '-f', 'e.yaml', '--dry-run', '--json', '--retries', '2'])
  expect(JSON.parse(shown.stdout)).toMatchObject({ kind: 'multi-node', scheme: 'jax', name: 'two', retries: 2 })
  const text = await readFile(join(cwd, 'e.yaml'), 'utf8')
  const wrong = async (find: string, put: string) => {
    await writeFile(join(cwd, 'wrong.yaml'), text.replace(find, put))
    const ran = await cli(cwd, ['experiment', 'run', '-f', 'wrong.yaml'])
    expect(ran.exitCode).toBe(2)
    return ran.stderr
  }
  const line = text.split('\n').findIndex((row) => row.includes('count: 2')) + 1
  expect(await wrong('count: 2', 'count: 0')).toMatch(
    new RegExp(`wrong\\.yaml:${line}:\\d+: roles\\.0\\.count cannot be so`),
  )
  expect(await wrong('count: 2', 'cuont: 2')).toContain(`wrong.yaml:${line}:5: roles.0.cuont is not known here.`)
  expect(await wrong('kind: multi-node', 'kind: many')).toContain('kind is single, multi-node or sweep')
  expect(await wrong('kind: multi-node', 'kind: "multi')).toMatch(/wrong\.yaml:\d+:\d+: /)
})

test.each([
  ['nothing to run', [], 'There is nothing to run.'],
  ['workers and no scheme', ['--worker-command', 'true'], 'It is not said how the workers find each other.'],
  ['roles and a command', ['--worker-command', 'a', '--scheme', 'jax', '--', 'b'], 'a command for each role'],
  ['a role without a command', ['--ps-count', '1', '--worker-command', 'a'], 'the role ps has no command'],
  [
    'a count of none',
    ['--scheme', 'jax', '--worker-command', 'a', '--worker-count', '0'],
    'roles.0.count cannot be so',
  ],
])('refuses %s with a sentence', async (_, flags, sentence) => {
  const ran = await cli(await aFolder('bad'), ['experiment', 'run', '--workspace', 'none', ...flags])
  expect(ran.stderr).toContain(sentence)
  expect(ran.exitCode).toBe(2)
})

const post = `
import json, os, sys, time, urllib.request
def post(call, body):
    headers = {'Authorization': 'Bearer ' + os.environ['MLFLOW_TRACKING_TOKEN'], 'Content-Type': 'application/json'}
    address = os.environ['MLFLOW_TRACKING_URI'] + '/api/2.0/mlflow/runs/' + call
    urllib.request.urlopen(urllib.request.Request(address, json.dumps(body).encode(), headers))
`

/** Logs a parameter, and a metric that falls to it. */
const log = `${post}
lr = sys.argv[1]
metrics = [{'key': 'loss', 'value': float(lr) * (8 - step), 'timestamp': 1700000000000, 'step': step} for step in range(8)]
post('log-batch', {'run_id': os.environ['MLFLOW_RUN_ID'], 'metrics': metrics, 'params': [{'key': 'lr', 'value': lr}]})
`

/** The first node says which run it is, and ends when the other one has logged into that as well. */
const logTogether = `${post}
rank, shared = os.environ['NABLA_RANK'], '/storage/' + os.environ['NABLA_EXPERIMENT_ID']
def say(name, text):
    open(shared + name + '.new', 'w').write(text)
    os.rename(shared + name + '.new', shared + name)
def hear(name):
    while not os.path.exists(shared + name): time.sleep(0.05)
    return open(shared + name).read()
if rank == '0': say('run', os.environ['MLFLOW_RUN_ID'])
run = hear('run')
for step in range(10):
    at = {'timestamp': 1700000000000 + step, 'step': step}
    post('log-metric', {'run_id': run, 'key': 'loss', 'value': int(rank), **at})
say('done' + rank, '')
hear('done1')
`

/** Each node listens at its own name, and says its name to the other one. */
const meet = `
import os, socket, threading, time
hosts = os.environ['NABLA_HOSTS'].split(',')
ports = dict(one.split(':') for one in os.environ['NABLA_ADDRESSES'].split(','))
own = hosts[int(os.environ['NABLA_RANK'])]
other = hosts[1 - int(os.environ['NABLA_RANK'])]
assert socket.gethostname() == own
listener = socket.create_server((own, 8765))
def call():
    for _ in range(600):
        try:
            return socket.create_connection((other, 8765)).sendall(own.encode())
        except OSError:
            time.sleep(0.1)
threading.Thread(target=call).start()
print('heard', listener.accept()[0].makefile().read())
`

function hasMpi(): boolean {
  try {
    execFileSync('mpirun', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
