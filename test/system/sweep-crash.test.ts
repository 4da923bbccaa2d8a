import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { type OpenDatabase, openDatabase } from '../../packages/server/src/db/open.ts'
import { childrenOf, killAll, withVariable } from './support/processes.ts'
import { type ServerProcess, startServerProcess, until } from './support/server-process.ts'
import { randomOf } from './support/storm.ts'

/** By hand a large one: `NABLA_SWEEP_TRIALS=500 npx vitest run --project system test/system/sweep-crash.test.ts`. */
const trials = Number(process.env['NABLA_SWEEP_TRIALS'] ?? 15)
const perTrialMs = 30_000

/** Logs a loss at three steps, each until it is acknowledged, with times that are the same when it is run again. */
const program = `
import json, os, time, urllib.request
x = float(os.environ["NABLA_PARAM_X"])
number = int(os.environ["NABLA_TRIAL"])
headers = {"content-type": "application/json", "authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]}
for step in (1, 2, 3):
    loss = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "loss", "value": (x - 1) ** 2 + 1 / step, "step": step,
            "timestamp": 1700000000000 + number * 10 + step}
    while True:
        try:
            url = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric"
            urllib.request.urlopen(urllib.request.Request(url, json.dumps(loss).encode(), headers), timeout=5).close()
            break
        except OSError:
            time.sleep(0.05)
`

const body = {
  kind: 'sweep' as const,
  project: 'crash',
  command: `python3 - <<'END'${program}END`,
  retries: 100,
  start: true,
  search: {
    space: {
      x: { type: 'uniform' as const, low: -5, high: 5 },
      kind: { type: 'choice' as const, values: ['a', 'b'] },
    },
    objectives: [{ metric: 'loss' }],
    searcher: 'tpe' as const,
    seed: 11,
    trials,
    // It is told of every value, and stops nobody: when a program is stopped is not the same every time.
    stopRule: { type: 'median' as const, warmup: 1000 },
  },
}

/** What happens to a trial, in turn: after each of these something is killed. */
const moments = ['asked', 'started', 'reported', 'ended', 'told'] as const
const victims = ['server', 'task', 'engine'] as const

test(
  'kill -9 of server, task and engine at every kind of event leaves the journal of a search as it would have been',
  { timeout: 120_000 + 2 * trials * perTrialMs },
  async () => {
    // Programs find the server where it was.
    const server = await startServerProcess({ env: { NABLA_PORT: String(await freePort()) } })
    const { db, close } = await openDatabase({ data: server.data, database: 'sqlite' })
    onTestFinished(close)
    const undisturbed = await server.client.experiment.create({ body })
    await untilEnded(server, undisturbed.id)
    const expected = await journal(db, undisturbed.id)
    expect(expected.filter(({ type }) => type === 'asked')).toHaveLength(trials)
    expect(expected.filter(({ type }) => type === 'reported')).toHaveLength(3 * trials)
    expect(expected.filter(({ type }) => type === 'told')).toHaveLength(trials)

    const { id } = await server.client.experiment.create({ body })
    const random = randomOf(20_261_122)
    for (let kill = 0; kill < trials; kill++) {
      const moment = moments[kill % moments.length]!
      await untilMoment(db, id, kill, moment)
      await pause(random() * 25)
      await killOne(server, id, victims[Math.floor(kill / moments.length) % victims.length]!)
    }
    await untilEnded(server, id)
    expect(await journal(db, id)).toEqual(expected)
    const { items } = await server.client.sweep.trials({ sweep: id, limit: 1000 })
    expect(items.map(({ number, state }) => `${number} ${state}`)).toEqual(
      Array.from({ length: trials }, (_, number) => `${number} complete`),
    )
    expect(new Set(items.map(({ job }) => job)).size).toBe(trials)
    const jobs = await db.selectFrom('jobs').select('id').where('experimentId', '=', id).execute()
    expect(jobs).toHaveLength(trials)
  },
)

type Db = OpenDatabase['db']

async function journal(db: Db, experimentId: string): Promise<{ type: string }[]> {
  const rows = await db
    .selectFrom('trialEvents')
    .select('event')
    .where('experimentId', '=', experimentId)
    .orderBy('seq')
    .execute()
  return rows.map(({ event }) => JSON.parse(event) as { type: string })
}

async function untilEnded(server: ServerProcess, experiment: string): Promise<void> {
  await until(async () => {
    const { state, reason } = await server.client.experiment.wait({ experiment, seconds: 20 })
    expect({ state, reason }).toEqual({ state: 'succeeded', reason: `All ${trials} trials have been run.` })
  }, trials * perTrialMs)
}

/** Waits until a trial, or one after it, has come so far. */
async function untilMoment(
  db: Db,
  experimentId: string,
  number: number,
  moment: (typeof moments)[number],
): Promise<void> {
  await until(async () => {
    const trial = await db
      .selectFrom('trials')
      .leftJoin('jobs', 'jobs.id', 'trials.jobId')
      .where('trials.experimentId', '=', experimentId)
      .where('trials.number', '=', number)
      .select(['trials.reports', 'trials.endedAt', 'jobs.startedAt', 'jobs.endedAt as jobEndedAt'])
      .executeTakeFirst()
    const reached =
      trial !== undefined &&
      (moment === 'asked' ||
        (moment === 'started' && trial.startedAt !== null) ||
        (moment === 'reported' && trial.reports > 0) ||
        (moment === 'ended' && trial.jobEndedAt !== null) ||
        (moment === 'told' && trial.endedAt !== null))
    expect(reached).toBe(true)
  }, 2 * perTrialMs)
}

async function killOne(server: ServerProcess, experiment: string, victim: (typeof victims)[number]): Promise<void> {
  if (victim === 'task') return killAll(withVariable(`NABLA_EXPERIMENT_ID=${experiment}`))
  if (victim === 'engine') return killAll(childrenOf(server.pid))
  await server.kill()
  await server.start()
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}
