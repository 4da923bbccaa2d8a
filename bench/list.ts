import type { Client } from '@nabla/api/client'
import type { JobState } from '@nabla/api/job'
import { noNode } from '@nabla/server/db/experiment-tables'
import { noStep } from '@nabla/server/db/workflow-tables'
import { openDatabase } from '@nabla/server/db/open'
import type { JobRow, TaskRow, Tables } from '@nabla/server/db/tables'
import { inTransaction } from '@nabla/server/db/transaction'
import { bootstrap } from '@nabla/server/kinds/account'
import { systemClock, toIso } from '@nabla/server/lib/clock'
import { newId } from '@nabla/server/lib/ids'
import { postgresBinaries, startPostgres } from '@nabla/server/testing/postgres'
import type { Kysely } from 'kysely'
import { makeTempFolder, startBenchServer } from './bench-server.ts'
import { formatMs, percentile, type Section, timed } from './report.ts'

const jobs = 100_000
const batch = 1000
const requests = 300
const firstAt = Date.UTC(2026, 0, 1)

type Query = NonNullable<Parameters<Client['job']['list']>[0]>

/** Pages of the list of jobs with many in the database, on both databases. */
export async function list(): Promise<Section> {
  const columns = new Map<string, Map<string, number[]>>()
  columns.set('SQLite', await onDatabase('sqlite'))
  const binaries = postgresBinaries()
  if (binaries !== undefined) {
    const postgres = await startPostgres(binaries)
    try {
      columns.set('PostgreSQL', await onDatabase(postgres.url('postgres')))
    } finally {
      await postgres.stop()
    }
  }
  const names = [...columns.keys()]
  const rows = [...(columns.get('SQLite') ?? [])].map(([what]) => [
    what,
    ...names.flatMap((name) => {
      const samples = columns.get(name)?.get(what) ?? []
      return [formatMs(percentile(samples, 0.5)), formatMs(percentile(samples, 0.99))]
    }),
  ])
  return {
    title: 'Lists',
    about:
      `\`GET /api/v1/jobs\` over HTTP, pages of 50, with ${jobs.toLocaleString('en')} jobs of one team in the ` +
      `database; ${requests} requests each, one after another. Aim: p99 10 ms.`,
    columns: ['page', ...names.flatMap((name) => [`${name} p50`, `${name} p99`])],
    rows,
  }
}

async function onDatabase(database: string): Promise<Map<string, number[]>> {
  const data = await makeTempFolder()
  const { db, close } = await openDatabase({ data, database })
  const account = await bootstrap(db, systemClock)
  await fillJobs(db)
  await close()
  await using server = await startBenchServer({ data, database }, account?.secret)
  const { client } = server
  const found = new Map<string, number[]>()
  for (const [what, query] of await queries(client)) {
    const ask = () => client.job.list(query)
    for (let warm = 0; warm < 20; warm++) await ask()
    const samples: number[] = []
    for (let request = 0; request < requests; request++) samples.push(await timed(ask))
    found.set(what, samples)
  }
  const [job] = (await client.job.list({ limit: 1 })).items
  for (const [what, reference] of [
    ['one job, by id', job?.id ?? ''],
    ['one job, by name', job?.name ?? ''],
  ] as const) {
    const samples: number[] = []
    for (let request = 0; request < requests; request++) {
      samples.push(await timed(() => client.job.show({ job: reference })))
    }
    found.set(what, samples)
  }
  return found
}

/** The queries, by what they ask for. */
async function queries(client: Client): Promise<[string, Query][]> {
  let after: string | undefined
  for (let page = 0; page < jobs / 200 / 2; page++) {
    after = (await client.job.list({ limit: 200, ...(after && { after }) })).next ?? undefined
  }
  if (after === undefined) throw new Error('the list ended too early')
  return [
    ['first', {}],
    ['halfway down, by cursor', { after }],
    ['a project of 5,000', { project: 'project-7' }],
    ['a state of 60,000', { state: 'succeeded' }],
    ['a state of 10', { state: 'preempted' }],
    ['a tag of 10,000', { tag: 'nightly' }],
    ['a tag of 10', { tag: 'rare' }],
    ['names that begin so, 100,000', { name: 'train-' }],
    ['names that begin so, 10', { name: 'train-4242' }],
    ['a state of a project', { project: 'project-7', state: 'failed' }],
  ]
}

/** 100,000 jobs of the first team that have ended, in 20 projects. */
export async function fillJobs(db: Kysely<Tables>): Promise<void> {
  const { teamId, userId } = await db.selectFrom('members').selectAll().executeTakeFirstOrThrow()
  const projects = Array.from({ length: 20 }, (_, index) => ({
    id: newId('project'),
    teamId,
    name: `project-${index}`,
    createdAt: toIso(firstAt),
    deletedAt: null,
  }))
  await db.insertInto('projects').values(projects).execute()
  for (let from = 0; from < jobs; from += batch) {
    const rows = Array.from({ length: batch }, (_, index) => {
      const number = from + index
      return jobRow(number, teamId, userId, projects[number % projects.length]?.id ?? '')
    })
    const tags = rows.flatMap((row, index) => tagsOf(from + index).map((tag) => ({ teamId, subjectId: row.id, tag })))
    await inTransaction(db, async (trx) => {
      await trx.insertInto('jobs').values(rows).execute()
      await trx.insertInto('tasks').values(rows.map(taskRow)).execute()
      await trx.insertInto('tags').values(tags).execute()
    })
  }
}

const tagsOf = (number: number): string[] => [
  `week-${Math.floor(number / 2000)}`,
  ...(number % 10 === 0 ? ['nightly'] : []),
  ...(number % 10_000 === 5 ? ['rare'] : []),
]

function stateOf(number: number): JobState {
  if (number % 10_000 === 3) return 'preempted'
  return (
    (['succeeded', 'succeeded', 'succeeded', 'failed', 'cancelled'] as const)[Math.floor(number / 20) % 5] ?? 'error'
  )
}

function jobRow(number: number, teamId: string, userId: string, projectId: string): JobRow {
  const at = firstAt + number * 60_000
  const spec = {
    command: `python train.py --epochs ${number % 100} --lr 0.001 --data /storage/data --seed ${number}`,
    image: 'host',
    workspace: { from: 'nothing' },
    env: { OMP_NUM_THREADS: '1', RUN: String(number) },
    ports: [],
    workingDir: '/paperspace',
    artifactsDir: '/artifacts',
    requirements: 'requirements.txt',
    timeLimitSeconds: null,
    retries: 0,
    retryOn: 'any',
    priority: 50,
  }
  const request = { ...spec, resources: { cpus: 1, memoryBytes: 4e9, gpus: 0 } }
  return {
    id: newId('job'),
    teamId,
    projectId,
    name: `train-${number}`,
    state: stateOf(number),
    reason: null,
    exitCode: 0,
    attempt: 1,
    spec: JSON.stringify({ spec, task: { engine: 'process', machineType: 'C1', priority: 50, request } }),
    machineType: 'C1',
    workspaceId: null,
    artifactsId: newId('volume'),
    parentJobId: null,
    createdBy: userId,
    stopRequestedAt: null,
    stopGraceMs: 0,
    stopWhy: null,
    ...noNode,
    ...noStep,
    createdAt: toIso(at),
    startedAt: toIso(at + 1000),
    endedAt: toIso(at + 50_000),
    deletedAt: null,
    wakeAt: null,
    version: 4,
  }
}

/** The one attempt of a job, ended long ago. */
function taskRow(job: JobRow): TaskRow {
  const { startedAt, endedAt, createdAt } = job
  return {
    id: newId('task'),
    teamId: job.teamId,
    ownerId: job.id,
    attempt: 1,
    engine: 'process',
    machineType: 'C1',
    priority: 50,
    request: job.spec,
    gpus: '[]',
    desired: 'run',
    stopGraceMs: 0,
    stopReason: null,
    state: 'ended',
    phases: '[]',
    exit: JSON.stringify({ cause: 'exit', code: 0, blame: 'user' }),
    createdAt,
    placedAt: createdAt,
    startedAt,
    endedAt,
    removedAt: endedAt,
    version: 5,
  }
}
