import type { Client } from '@nabla/api/client'
import { type OpenDatabase, openDatabase } from '@nabla/server/db/open'
import { inTransaction } from '@nabla/server/db/transaction'
import { toIso } from '@nabla/server/lib/clock'
import { keepNames } from '@nabla/server/tracking/names'
import { newId } from '@nabla/server/lib/ids'
import { type BenchServer, startBenchServer } from './bench-server.ts'

export const experiments = 50
export const runsEach = 1500
export const metricsEach = 1500
/** Of the runs of all experiments but one; in that one every run has all metrics. */
const metricsOfRun = 30
const paramsOfRun = 20
export const trialsOfSweep = 10_000
const firstAt = Date.parse('2026-10-01T08:00:00Z')

export interface SeededRuns {
  server: BenchServer
  /** The experiment, as MLflow calls a project, whose runs have all metrics. */
  full: string
  /** The sweep with all its trials. */
  sweep: string
}

type Db = OpenDatabase['db']

/**
 * A server with 50 experiments of 1,500 runs, each with 1,500 names of metrics, and a sweep of 10,000 trials. One run is
 * logged over the API; the others are copies of its rows with other values, put straight into the database.
 */
export async function startSeededRuns(): Promise<SeededRuns> {
  const server = await startBenchServer({ engines: ['fake'] })
  try {
    const template = await logTemplate(server.client)
    const sweep = await startSweep(server.client)
    const projects: string[] = []
    for (let at = 0; at < experiments; at++) {
      projects.push((await server.client.project.create({ body: { name: nameOf(at) } })).id)
    }
    const { db, close } = await openDatabase({ data: server.data, database: 'sqlite' })
    try {
      await fillRuns(db, projects, template)
      await fillTrials(db, sweep)
    } finally {
      await close()
    }
    return { server, full: nameOf(0), sweep }
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
}

const nameOf = (experiment: number): string => `vision-${experiment}`
const metricOf = (number: number): string => `layer-${number % 60}/${['loss', 'norm', 'scale'][number % 3]}-${number}`

async function logTemplate(client: Client): Promise<string> {
  const { id: run } = await client.run.create({ body: { project: 'template', name: 'template' } })
  for (let from = 0; from < metricsEach; from += 300) {
    const metrics = Array.from({ length: 300 * 20 }, (_, at) => {
      const [number, step] = [from + Math.floor(at / 20), at % 20]
      return { name: metricOf(number), step, value: 1 / (step + 1) + number / 1000, at: toIso(firstAt + step * 1000) }
    })
    await client.run.log({ run, body: { metrics } })
  }
  const params = Object.fromEntries(Array.from({ length: paramsOfRun }, (_, at) => [`param-${at}`, String(at)]))
  await client.run.log({ run, body: { params } })
  await client.run.show({ run })
  return run
}

async function fillRuns(db: Db, projects: readonly string[], template: string): Promise<void> {
  const row = await db.selectFrom('runs').selectAll().where('id', '=', template).executeTakeFirstOrThrow()
  const names = Array.from({ length: metricsEach }, (_, number) => metricOf(number))
  const params = Array.from({ length: paramsOfRun }, (_, at) => `param-${at}`)
  for (const [experiment, projectId] of projects.entries()) {
    const rows = Array.from({ length: runsEach }, (_, number) => ({
      ...row,
      id: newId('run'),
      projectId,
      name: `run-${experiment}-${number}`,
      state: number % 9 === 4 ? 'failed' : 'finished',
      startedAt: toIso(firstAt + (experiment * runsEach + number) * 60_000),
      endedAt: toIso(firstAt + (experiment * runsEach + number) * 60_000 + 50_000),
    }))
    const of = (kind: 'metric' | 'param', all: readonly string[]) => all.map((name) => ({ projectId, kind, name }))
    await inTransaction(db, (trx) => keepNames(trx, [...of('metric', names), ...of('param', params)]))
    for (let from = 0; from < rows.length; from += runsAtOnce) {
      const some = rows.slice(from, from + runsAtOnce)
      // The server waits for its turn meanwhile.
      await inTransaction(db, async (trx) => {
        await trx.insertInto('runs').values(some).execute()
        for (const [at, { id }] of some.entries()) {
          const number = from + at
          const own = names.filter((_, place) => place % (metricsEach / metricsOfRun) === number % 50)
          await copyTracked(trx, template, id, number, experiment === 0 ? undefined : own)
        }
      })
    }
  }
}

const runsAtOnce = 100

/** Copies metrics and parameters of a run, with values moved by `number`. */
async function copyTracked(
  trx: Pick<Db, 'insertInto' | 'selectFrom'>,
  template: string,
  run: string,
  number: number,
  names: readonly string[] | undefined,
): Promise<void> {
  const metrics = ['runId', 'name', 'value', 'step', 'at', 'least', 'most', 'count', 'axes', 'tail'] as const
  await trx
    .insertInto('runMetrics')
    .columns(metrics)
    .expression((eb) => {
      const moved = ((number * 7919) % 1000) / 1000
      const rows = eb
        .selectFrom('runMetrics')
        .where('runId', '=', template)
        .select((of) => [of.val(run).as('runId'), 'name', of('value', '+', moved).as('value'), 'step', 'at'])
        .select(['least', 'most', 'count', 'axes', 'tail'])
      return names === undefined ? rows : rows.where('name', 'in', names)
    })
    .execute()
  const params = Array.from({ length: paramsOfRun }, (_, at) => ({
    runId: run,
    name: `param-${at}`,
    value: String((number * (at + 3)) % 97),
  }))
  await trx.insertInto('runParams').values(params).execute()
}

async function startSweep(client: Client): Promise<string> {
  const axis = { type: 'uniform' as const, low: 0, high: 1 }
  const choice = { type: 'choice' as const, values: ['sgd', 'adam', 'lion'] }
  const space = { rate: axis, decay: axis, momentum: axis, dropout: axis, width: axis, optimizer: choice }
  const search = { space, objectives: [{ metric: 'loss' }], trials: 2 * trialsOfSweep }
  const body = { kind: 'sweep' as const, project: 'bench', name: 'wide', start: true, search }
  const { id } = await client.experiment.create({ body })
  await client.experiment.wait({ experiment: id, state: 'running', seconds: 30 })
  return id
}

async function fillTrials(db: Db, experimentId: string): Promise<void> {
  const chance = (number: number, axis: number) =>
    Math.abs(Math.sin(number * 12.9898 + axis * 78.233) * 43_758.5453) % 1
  const rows = Array.from({ length: trialsOfSweep }, (_, number) => {
    const [rate = 0, decay = 0, momentum = 0, dropout = 0, width = 0] = [0, 1, 2, 3, 4].map((at) => chance(number, at))
    const values = { rate, decay, momentum, dropout, width, optimizer: ['sgd', 'adam', 'lion'][number % 3] }
    const state = number % 17 === 5 ? 'failed' : number % 11 === 3 ? 'stopped' : 'complete'
    const loss = (rate - 0.3) ** 2 + 0.5 * (decay - 0.6) ** 2 + 0.1 * chance(number, 9)
    return {
      experimentId,
      number,
      parameters: JSON.stringify(values),
      generation: null,
      fromTrial: null,
      state,
      objectives: state === 'failed' ? null : JSON.stringify([loss]),
      step: 10,
      reports: 0,
      reason: state === 'failed' ? 'Its command ended with code 1.' : null,
      jobId: null,
      stopRequestedAt: null,
      askedAt: toIso(firstAt + number * 20_000),
      endedAt: toIso(firstAt + number * 20_000 + 60_000 + chance(number, 8) * 60_000),
      cost: null,
    }
  })
  await inTransaction(db, async (trx) => {
    for (let from = 0; from < rows.length; from += 500) {
      await trx
        .insertInto('trials')
        .values(rows.slice(from, from + 500))
        .execute()
    }
    const count = (state: string) => rows.filter((row) => row.state === state).length
    const counts = { complete: count('complete'), stopped: count('stopped'), failed: count('failed') }
    await trx
      .updateTable('sweeps')
      .set({ asked: trialsOfSweep, ...counts })
      .where('experimentId', '=', experimentId)
      .execute()
  })
}
