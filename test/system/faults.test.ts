import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { childrenOf, commandLineOf, killAll, withVariable } from './support/processes.ts'
import {
  ended,
  failedStart,
  linesOf,
  run,
  type ServerProcess,
  startServerProcess,
  until,
  useServerProcess,
} from './support/server-process.ts'
import { groupsOf, leftovers, readReports } from './support/task-files.ts'

const server = useServerProcess()

/** Submits a job and waits until it has said `up`. */
async function submitUntilUp(command: string, more: object = {}): Promise<string> {
  const { id } = await server().client.job.create({
    body: { command, project: 'faults', env: { NABLA_FAULT: server().data }, ...more },
  })
  await saysUp(server(), id)
  return id
}

async function saysUp(server: ServerProcess, job: string): Promise<void> {
  await until(async () => {
    if (!(await linesOf(server, job)).includes('up')) throw new Error(`job ${job} does not say that it is up`)
  })
}

/** The shim of the only task there is. */
function onlyShim(): { task: string; pid: number } {
  const alive = [...readReports(server().data)].filter(([, { exit }]) => exit === undefined)
  expect(alive).toHaveLength(1)
  const [task, { pid }] = alive[0]!
  expect(commandLineOf(pid)).toContain('launcher.py')
  return { task, pid }
}

async function nothingLeft(tasks: readonly string[]): Promise<void> {
  await until(() => expect(leftovers(server().data)).toEqual([]))
  expect(groupsOf(tasks)).toEqual([])
  expect(withVariable(`NABLA_FAULT=${server().data}`)).toEqual([])
}

test('kill -9 of the shim: the job says so, nothing of it is left, and it is not tried again unasked', async () => {
  const job = await submitUntilUp('echo up; sleep 1000')
  const shim = onlyShim()
  process.kill(shim.pid, 'SIGKILL')
  const end = await ended(server(), job)
  expect(end).toMatchObject({ state: 'error', exitCode: null, attempt: 1 })
  expect(end.reason).toMatch(/killed from outside/)
  expect(await linesOf(server(), job)).toEqual(['up'])
  await nothingLeft([shim.task])
})

test('kill -9 of the shim: with retries for failures of the machine, the second attempt succeeds', async () => {
  const command = 'echo up; if [ -e /storage/second ]; then exit 0; fi; touch /storage/second; sleep 1000'
  const job = await submitUntilUp(command, { retries: 1, retryOn: 'machine' })
  await until(() => server().client.storage.get({ path: 'second' }))
  const shim = onlyShim()
  process.kill(shim.pid, 'SIGKILL')
  expect(await ended(server(), job)).toMatchObject({ state: 'succeeded', exitCode: 0, attempt: 2 })
  expect(await linesOf(server(), job)).toEqual(['up', 'up'])
  expect(await linesOf(server(), job, 'system')).toEqual([expect.stringMatching(/Attempt 1 failed: .*killed/)])
  await nothingLeft([shim.task])
})

test("a failure of the user's own is not one of the machine", async () => {
  const job = await run(server(), 'exit 3', { retries: 2, retryOn: 'machine' })
  expect(job).toMatchObject({ state: 'failed', exitCode: 3, attempt: 1 })
})

test('kill -9 of the command: it ends with 137, told as killed', async () => {
  const job = await submitUntilUp('echo up; sleep 1000')
  const shim = onlyShim()
  killAll(childrenOf(shim.pid))
  const end = await ended(server(), job)
  expect(end).toMatchObject({ state: 'failed', exitCode: 137 })
  expect(end.reason).toMatch(/SIGKILL|killed/)
  await nothingLeft([shim.task])
})

test('kill -9 of the launcher: what runs runs on, and the next job starts all the same', async () => {
  const before = await submitUntilUp('echo up; until [ -e /storage/go ]; do sleep 0.05; done; echo on')
  const shim = onlyShim()
  const launchers = childrenOf(server().pid).filter((pid) => commandLineOf(pid).includes('launcher.py'))
  expect(launchers).toHaveLength(1)
  killAll(launchers)
  expect(await run(server(), 'touch /storage/go')).toMatchObject({ state: 'succeeded' })
  expect(await ended(server(), before)).toMatchObject({ state: 'succeeded' })
  expect(await linesOf(server(), before)).toEqual(['up', 'on'])
  await nothingLeft([shim.task])
})

test('an end that comes while no server is there is told by the next one', async () => {
  const job = await submitUntilUp('echo up; sleep 0.5; echo late; exit 5')
  await server().kill()
  await until(() => {
    if (![...readReports(server().data).values()].every(({ exit }) => exit !== undefined)) throw new Error('it runs')
  })
  await server().start()
  expect(await ended(server(), job)).toMatchObject({ state: 'failed', exitCode: 5 })
  expect(await linesOf(server(), job)).toEqual(['up', 'late'])
})

test('a stop that was asked for is carried out by the next server', async () => {
  const { id } = await server().client.job.create({
    body: { command: "trap '' TERM; echo up; while :; do sleep 0.2; done", project: 'faults' },
  })
  await saysUp(server(), id)
  await server().client.job.stop({ job: id, body: { graceSeconds: 0.5 } })
  await server().kill()
  await server().start()
  expect(await ended(server(), id)).toMatchObject({ state: 'cancelled' })
  await nothingLeft([])
})

test('a second server on the same data folder refuses to start, and the first does not notice', async () => {
  const first = await startServerProcess()
  const job = await first.client.job.create({
    body: { command: 'echo up; until [ -e /storage/go ]; do sleep 0.05; done', project: 'twice' },
  })
  await saysUp(first, job.id)
  const before = readdirSync(first.data).sort()
  const second = await failedStart(first.data)
  expect(second.code).toBeGreaterThan(0)
  expect(second.output).toContain(`The data folder ${first.data} is in use by another server, process ${first.pid}`)
  expect(readdirSync(first.data).sort()).toEqual(before)
  expect(readFileSync(join(first.data, 'server.pid'), 'utf8').trim()).toBe(String(first.pid))
  await first.client.storage.put({ path: 'go', body: '' })
  expect(await ended(first, job.id)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(existsSync(`/proc/${first.pid}`)).toBe(true)
})
