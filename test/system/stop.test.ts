import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { makeTar } from '../../packages/server/src/volumes/archive-bytes.ts'
import { withVariable } from './support/processes.ts'
import { ended, linesOf, until, useServerProcess } from './support/server-process.ts'
import { leftovers } from './support/task-files.ts'

const server = useServerProcess()

const submit = async (command: string, more: object = {}) => {
  const env = { NABLA_STOP: server().data }
  const { id } = await server().client.job.create({ body: { command, project: 'stop', env, ...more } })
  return id
}

const saysUp = (job: string, times = 1) =>
  until(async () => expect((await linesOf(server(), job)).filter((line) => line === 'up')).toHaveLength(times))

const stop = (job: string, graceSeconds: number) => server().client.job.stop({ job, body: { graceSeconds } })

async function nothingLeft(): Promise<void> {
  await until(() => expect(leftovers(server().data)).toEqual([]))
  expect(withVariable(`NABLA_STOP=${server().data}`)).toEqual([])
}

test('the command may end in order: it gets SIGTERM, and what it leaves is kept', async () => {
  const job = await submit(
    "trap 'echo bye; echo saved > /artifacts/model; exit 0' TERM; echo up; while :; do sleep 0.05; done",
  )
  await saysUp(job)
  await stop(job, 60)
  expect(await ended(server(), job)).toMatchObject({ state: 'cancelled' })
  expect(await linesOf(server(), job)).toEqual(['up', 'bye'])
  expect(await (await server().client.artifact.get({ job, path: 'model' })).text()).toBe('saved\n')
  await nothingLeft()
})

test('a command that ignores SIGTERM is killed after the grace', async () => {
  const job = await submit("trap 'echo no' TERM; echo up; while :; do sleep 0.05; done")
  await saysUp(job)
  await stop(job, 0.5)
  expect(await ended(server(), job)).toMatchObject({ state: 'cancelled', exitCode: 137 })
  expect(await linesOf(server(), job)).toContain('no')
  await nothingLeft()
})

test('daemons of a job end with it: after setsid, nohup and a double fork', async () => {
  const daemons = [
    `setsid sh -c 'trap "" TERM; echo up; while :; do sleep 0.1; done' &`,
    `nohup sh -c 'trap "" TERM; echo up; while :; do sleep 0.1; done' 2>/dev/null &`,
    `(setsid sh -c '(trap "" TERM HUP; echo up; exec sleep 1000) &' &)`,
    `python3 -c 'import os, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
print("up", flush=True)
time.sleep(1000)'`,
  ]
  const job = await submit(`${daemons.join('\n')}\nsleep 1000`)
  await saysUp(job, 4)
  expect(withVariable(`NABLA_STOP=${server().data}`).length).toBeGreaterThanOrEqual(5)
  await stop(job, 0.2)
  expect(await ended(server(), job)).toMatchObject({ state: 'cancelled' })
  await nothingLeft()
})

test('daemons of a job end with it also when the command ends by itself', async () => {
  const job = await submit(`setsid sh -c 'trap "" TERM; echo up; exec sleep 1000' & sleep 0.2; exit 0`)
  expect(await ended(server(), job)).toMatchObject({ state: 'succeeded' })
  await nothingLeft()
})

test('a job that waits in the queue ends at once and never runs', async () => {
  const types = (await server().client['machine-type'].list()).items
  const largest = types.at(-1)!.name
  const running = await submit('echo up; sleep 1000', { machineType: largest })
  await saysUp(running)
  const waiting = await submit('touch /storage/ran', { machineType: largest })
  await stop(waiting, 10)
  expect(await ended(server(), waiting)).toMatchObject({ state: 'cancelled', startedAt: null, exitCode: null })
  await stop(running, 0)
  await ended(server(), running)
  await expect(server().client.storage.get({ path: 'ran' })).rejects.toMatchObject({ code: 'file_not_found' })
  await nothingLeft()
})

test('a job that is just starting ends, however far it has come', async () => {
  const jobs: string[] = []
  for (let n = 0; n < 8; n++) {
    const job = await submit('sleep 1000')
    jobs.push(job)
    await new Promise((resolve) => setTimeout(resolve, n * 8))
    await stop(job, 0)
  }
  for (const job of jobs) expect(await ended(server(), job)).toMatchObject({ state: 'cancelled' })
  await nothingLeft()
})

test('a job whose environment is being built', async () => {
  const index = await silentServer()
  const tar = makeTar([{ path: 'requirements.txt', content: 'some-package==1.0\n' }])
  const { id } = await server().client.workspace.upload({ body: new Uint8Array(tar) })
  const env = { NABLA_STOP: server().data, UV_DEFAULT_INDEX: index.url, PIP_INDEX_URL: index.url }
  const job = await submit('sleep 1000', { workspace: { from: 'upload', id }, env })
  await until(() => expect(index.requests()).toBeGreaterThan(0))
  expect((await server().client.job.show({ job })).phases.at(-1)?.name).toBe('environment')
  await stop(job, 1)
  expect(await ended(server(), job)).toMatchObject({ state: 'cancelled' })
  await nothingLeft()
})

test('a job whose files come from git', async () => {
  const remote = await silentServer()
  const job = await submit('sleep 1000', { workspace: { from: 'git', url: `${remote.url}/repo.git` } })
  await until(() => expect(remote.requests()).toBeGreaterThan(0))
  expect((await server().client.job.show({ job })).phases.at(-1)?.name).toBe('files')
  await stop(job, 10)
  expect(await ended(server(), job)).toMatchObject({ state: 'cancelled' })
  await nothingLeft()
})

test('a stop while files come from git is not forgotten when the server is killed', async () => {
  const remote = await silentServer()
  const job = await submit('sleep 1000', { workspace: { from: 'git', url: `${remote.url}/repo.git` } })
  await until(() => expect(remote.requests()).toBeGreaterThan(0))
  await Promise.all([stop(job, 10).catch(() => {}), server().kill()])
  await server().start()
  await stop(job, 10)
  expect(await ended(server(), job)).toMatchObject({ state: 'cancelled' })
  await nothingLeft()
})

test('a stop may be asked for twice, and after the end nothing happens', async () => {
  const job = await submit("trap '' TERM; echo up; while :; do sleep 0.05; done")
  await saysUp(job)
  await stop(job, 0.3)
  await stop(job, 0.3)
  const end = await ended(server(), job)
  expect(await stop(job, 0)).toEqual(end)
})

/** Answers to nothing, but counts who asks. */
async function silentServer(): Promise<{ url: string; requests(): number }> {
  let requests = 0
  const silent: Server = createServer(() => {
    requests += 1
  })
  await new Promise<void>((resolve) => {
    silent.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    silent.closeAllConnections()
    silent.close()
  })
  return { url: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`, requests: () => requests }
}
