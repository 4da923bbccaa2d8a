import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { postgresBinaries, startPostgres } from '../../packages/server/src/testing/postgres.ts'
import { withVariable, killAll } from './support/processes.ts'
import { linesOf, type ServerProcess, startServerProcess, until } from './support/server-process.ts'
import { allJobs, markOf, raiseStorm, rightEnds, type Storm } from './support/storm.ts'
import { leftovers } from './support/task-files.ts'

const binaries = postgresBinaries()

test('kill -9 of the server at every step of a job loses nothing and does nothing twice', async () => {
  const server = await startServerProcess()
  onTestFinished(() => killAll(withVariable(markOf(server))))
  const storm = await raiseStorm(server, { seed: 20_261_122, kills: 35, budgetMs: 45_000 })
  expect(Object.keys(storm.kills)).toHaveLength(7)
  await expectAllWell(server, storm)
})

test.skipIf(binaries === undefined)(
  'kill -9 of the server at every step of a job, on PostgreSQL (needs the binaries that npm brings)',
  async () => {
    const postgres = await startPostgres(binaries!)
    onTestFinished(() => postgres.stop())
    const admin = new Client(postgres.url('postgres'))
    await admin.connect()
    await admin.query('create database storm')
    await admin.end()
    const server = await startServerProcess({ env: { NABLA_DATABASE: postgres.url('storm') } })
    onTestFinished(() => killAll(withVariable(markOf(server))))
    const storm = await raiseStorm(server, { seed: 7, kills: 14, budgetMs: 15_000 })
    expect(Object.keys(storm.kills)).toHaveLength(7)
    await expectAllWell(server, storm)
  },
)

async function expectAllWell(server: ServerProcess, storm: Storm): Promise<void> {
  await until(async () => {
    const open = (await allJobs(server)).filter(({ state }) => state === 'pending' || state === 'running')
    if (open.length > 0) throw new Error(`${open.map(({ name }) => name).join(', ')} do not end`)
  })
  const found = new Map((await allJobs(server)).map((job) => [job.name, job]))
  for (const job of storm.jobs) {
    const { attempt, state } = found.get(job.name) ?? { attempt: 0, state: 'lost' }
    expect({ name: job.name, attempt, state }).toMatchObject({ attempt: 1, state: expect.toBeOneOf(rightEnds(job)) })
  }
  // A submission that got no answer was taken whole or not at all.
  const unsure = [...storm.unsure].filter(([name]) => found.has(name))
  for (const [name, { exitCode }] of unsure) {
    expect(rightEnds({ exitCode, stopped: false })).toContain(found.get(name)?.state)
  }
  expect(found.size).toBe(storm.jobs.length + unsure.length)

  const response = await server.client.storage.get({ path: 'runs' })
  const runs = (await response.text()).trimEnd().split('\n')
  expect(runs.length).toBe(new Set(runs).size)
  for (const job of storm.jobs) await expectWhole(server, job, runs, found.get(job.name)!.state)
  await expectNothingLeft(server)
}

/** Checks log, artifacts and the number of runs of one job. */
async function expectWhole(
  server: ServerProcess,
  { id, name, lines, follower }: Storm['jobs'][number],
  runs: readonly string[],
  state: string,
): Promise<void> {
  const expected = Array.from({ length: lines }, (_, index) => `line ${index + 1}`)
  const page = await server.client.job.logs({ job: id, limit: 10_000 })
  expect(page.items.map((line) => line.seq)).toEqual(page.items.map((_, index) => index + 1))
  const output = await linesOf(server, id)
  expect(follower.problems).toEqual([])
  expect({ name, followed: follower.stdout }).toEqual({ name, followed: output })
  expect(await (await server.client.job.downloadLogs({ job: id, source: 'stdout' })).text()).toBe(
    output.map((line) => `${line}\n`).join(''),
  )
  if (state === 'cancelled') {
    expect(output).toEqual(expected.slice(0, output.length))
    return
  }
  expect(output).toEqual(expected)
  expect(runs).toContain(id)
  const files = await server.client.artifact.list({ job: id })
  expect(files.items.map(({ path }) => path).sort()).toEqual(['result', 'seen'])
  expect(await (await server.client.artifact.get({ job: id, path: 'result' })).text()).toBe('whole\n')
}

async function expectNothingLeft(server: ServerProcess): Promise<void> {
  await until(() => expect(leftovers(server.data)).toEqual([]))
  expect(withVariable(markOf(server))).toEqual([])
  const problems = server
    .log()
    .split('\n')
    .filter((line) => /"level":(50|60)/.test(line))
  expect(problems).toEqual([])
  expect(readFileSync(join(server.data, 'server.pid'), 'utf8').trim()).toBe(String(server.pid))
}
