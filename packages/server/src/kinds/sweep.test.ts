import type { Experiment } from '@nabla/api/experiment'
import type { Trial } from '@nabla/api/sweep'
import { describe, expect, test, vi } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'
import { jobRunId } from './run/job-run.ts'
import { commandWith, environmentFor } from './sweep/values.ts'

const GiB = 1024 ** 3
const eightProcessors = { cpus: 8, memoryBytes: 64 * GiB, gpus: [] }

const space = {
  x: { type: 'uniform' as const, low: -5, high: 5 },
  kind: { type: 'choice' as const, values: ['a', 'b'] },
}

const sweepOf = (search: object, more: object = {}) => ({
  kind: 'sweep' as const,
  project: 'demo',
  name: 'search',
  machineType: 'C1',
  start: true,
  search: { space, objectives: [{ metric: 'loss' }], seed: 3, ...search },
  ...more,
})

const lossOf = ({ values }: Pick<Trial, 'values'>): number => (Number(values['x']) - 1) ** 2

const allTrials = async (server: TestServer, sweep: string): Promise<Trial[]> =>
  (await server.client.sweep.trials({ sweep })).items

/** Lets the trials run, each of which logs its loss once, until the sweep has ended. */
async function runAll(
  server: TestServer,
  id: string,
  between: () => Promise<void> = async () => {},
): Promise<Experiment> {
  const logged = new Set<string>()
  return vi.waitFor(
    async () => {
      await server.running().deps.loop.idle()
      await between()
      for (const { job, values, state } of await allTrials(server, id)) {
        if (job === null || state !== 'running' || logged.has(job)) continue
        if ((await server.client.job.show({ job })).state !== 'running') continue
        await server.client.run.log({
          run: jobRunId(job),
          body: { metrics: [{ name: 'loss', value: lossOf({ values }) }] },
        })
        logged.add(job)
      }
      const found = await server.client.experiment.show({ experiment: id })
      if (found.endedAt !== null) return found
      server.clock.advance(300)
      throw new Error(`it is ${found.state}`)
    },
    { timeout: 25_000, interval: 1 },
  )
}

const outcomes = (trials: readonly Trial[]) =>
  trials.map(({ number, values, state, objectives }) => ({ number, values, state, objectives }))

eachDatabase((make) => {
  describe('a sweep', () => {
    // Of two that run at a time either may end first, and TPE would go on from what it knows by then.
    test.each([
      { searcher: 'tpe', trials: 10, parallel: 1 },
      { searcher: 'random', trials: 14, parallel: 2 },
    ])(
      'runs its trials as jobs ($searcher), and is the same after restarts in its midst',
      async (search) => {
        const body = sweepOf(search, { command: 'run=1s x={{x}}' })
        const undisturbed = await startTestServer(make, eightProcessors)
        const one = await undisturbed.client.experiment.create({ body })
        expect(await runAll(undisturbed, one.id)).toMatchObject({ state: 'succeeded', exitCode: 0 })
        const expected = outcomes(await allTrials(undisturbed, one.id))
        expect(expected).toHaveLength(search.trials)
        expect(
          expected.every(
            ({ state, values, objectives }) => state === 'complete' && objectives?.['loss'] === lossOf({ values }),
          ),
        ).toBe(true)
        const best = expected.toSorted((a, b) => lossOf(a) - lossOf(b))[0]
        expect((await undisturbed.client.sweep.show({ sweep: 'search' })).best).toMatchObject([
          { number: best?.number },
        ])

        const disturbed = await startTestServer(make, eightProcessors)
        const two = await disturbed.client.experiment.create({ body })
        let restarts = 0
        const restart = async () => {
          restarts += 1
          if (restarts % 3 === 0) await disturbed.restart()
        }
        expect(await runAll(disturbed, two.id, restart)).toMatchObject({ state: 'succeeded' })
        expect(outcomes(await allTrials(disturbed, two.id))).toEqual(expected)
        expect(restarts).toBeGreaterThan(10)
      },
      60_000,
    )

    test('tells each job its values, and shows what it ran', async () => {
      const server = await startTestServer(make, eightProcessors)
      const { id } = await server.client.experiment.create({
        body: sweepOf({ trials: 1 }, { command: 'run=5s {{args}} # {{kind}}' }),
      })
      await vi.waitFor(() => expect(server.fake.specs).toHaveLength(1), { timeout: 15_000 })
      const trial = (await allTrials(server, id))[0] as Trial
      const { x, kind } = trial.values as { x: number; kind: string }
      const [spec] = server.fake.specs
      expect(spec?.command).toBe(`run=5s --kind=${kind} --x=${x} # ${kind}`)
      expect(spec?.env).toMatchObject({
        NABLA_TRIAL: '0',
        NABLA_PARAM_X: String(x),
        NABLA_PARAMS: JSON.stringify(trial.values),
        NABLA_PARAMS_FILE: '/generated/params.json',
      })
      const job = await server.client.job.show({ job: trial.job ?? '' })
      expect(job).toMatchObject({ name: 'search-trial-0', experiment: { id, role: 'trial', index: 0 } })
    })

    test('is asked and told by programs elsewhere', async () => {
      const server = await startTestServer(make)
      const { id } = await server.client.experiment.create({ body: sweepOf({ searcher: 'sobol', trials: 3 }) })
      await vi.waitFor(
        async () => expect(await server.client.sweep.show({ sweep: id })).toMatchObject({ state: 'running' }),
        { timeout: 15_000 },
      )
      const first = (await server.client.sweep.ask({ sweep: id })).trial as Trial
      expect(first).toMatchObject({ number: 0, state: 'running', job: null })
      const told = await server.client.sweep.tell({ sweep: id, number: 0, body: { objectives: { loss: 2 } } })
      expect(told).toMatchObject({ state: 'complete', objectives: { loss: 2 } })
      // The same again is no mistake; another value is.
      await server.client.sweep.tell({ sweep: id, number: 0, body: { objectives: { loss: 2 } } })
      await expect(
        server.client.sweep.tell({ sweep: id, number: 0, body: { objectives: { loss: 3 } } }),
      ).rejects.toThrow('Trial 0 is complete already')
      await server.client.sweep.update({ sweep: id, body: { paused: true } })
      expect(await server.client.sweep.ask({ sweep: id })).toEqual({ status: 'wait', trial: null })
      await server.client.sweep.update({ sweep: id, body: { paused: false, trials: 4 } })
      await server.restart()
      for (const number of [1, 2, 3]) {
        expect((await server.client.sweep.ask({ sweep: id })).trial).toMatchObject({ number })
      }
      expect(await server.client.sweep.ask({ sweep: id })).toEqual({ status: 'done', trial: null })
      await server.client.sweep.tell({ sweep: id, number: 1, body: { objectives: { loss: 'NaN' } } })
      await server.client.sweep.tell({ sweep: id, number: 2, body: { objectives: { loss: 1 } } })
      await expect(
        server.client.sweep.tell({ sweep: id, number: 3, body: { objectives: { los: 1 } } }),
      ).rejects.toThrow('Tell the objectives loss: loss is missing.')
      await server.client.sweep.tell({ sweep: id, number: 3, body: { state: 'failed', reason: 'no memory' } })
      const done = await vi.waitFor(
        async () => {
          const found = await server.client.sweep.show({ sweep: id })
          expect(found.state).toBe('succeeded')
          return found
        },
        { timeout: 15_000 },
      )
      expect(done.trials).toEqual({ asked: 4, running: 0, complete: 2, stopped: 0, failed: 2, most: 4 })
      expect(done.best).toMatchObject([{ number: 2 }])
      const failed = (await server.client.sweep.trials({ sweep: id, state: 'failed' })).items
      expect(failed.map(({ reason }) => reason)).toEqual(['The value of loss is not a finite number.', 'no memory'])
      await expect(server.client.sweep.ask({ sweep: id })).rejects.toThrow('Clone it to search on')
    })

    test('of which nothing succeeds ends, and says why', async () => {
      const server = await startTestServer(make, eightProcessors)
      const never = await server.client.experiment.create({
        body: sweepOf({ mostFailures: 3, trials: 50 }, { command: 'run=100ms' }),
      })
      const ended = await vi.waitFor(
        async () => {
          await server.running().deps.loop.idle()
          const found = await server.client.experiment.show({ experiment: never.id })
          server.clock.advance(300)
          expect(found.endedAt).not.toBeNull()
          return found
        },
        { timeout: 15_000, interval: 1 },
      )
      expect(ended).toMatchObject({ state: 'failed' })
      expect(ended.reason).toMatch(/^3 trials failed one after the other; the last: Its program never logged loss/)
    })

    test('stops trials early that its rule finds wanting', async () => {
      const server = await startTestServer(make, eightProcessors)
      const stopRule = { type: 'median' as const, trials: 1, warmup: 1 }
      const body = sweepOf({ searcher: 'random', trials: 2, parallel: 1, stopRule }, { command: 'run=30s' })
      const { id } = await server.client.experiment.create({ body })
      const log = async (number: number, step: number, value: number) => {
        const job = await vi.waitFor(
          async () => {
            await server.running().deps.loop.idle()
            const { job } = (await allTrials(server, id))[number] as Trial
            expect((await server.client.job.show({ job: job ?? '' })).state).toBe('running')
            return job ?? ''
          },
          { timeout: 15_000 },
        )
        await server.client.run.log({ run: jobRunId(job), body: { metrics: [{ name: 'loss', value, step }] } })
        return job
      }
      await log(0, 1, 1)
      await log(0, 2, 1)
      await vi.waitFor(
        async () => {
          await server.running().deps.loop.idle()
          server.clock.advance(5000)
          expect((await allTrials(server, id))[0]).toMatchObject({ state: 'complete' })
        },
        { timeout: 15_000 },
      )
      const job = await log(1, 1, 9)
      await vi.waitFor(
        async () => {
          await server.running().deps.loop.idle()
          server.clock.advance(100)
          expect((await allTrials(server, id))[1]).toMatchObject({ state: 'stopped', objectives: { loss: 9 }, step: 1 })
        },
        { timeout: 15_000 },
      )
      expect((await server.client.job.show({ job })).reason).toBe('It was stopped early, by the rule of its sweep.')
    })

    test('begins no trial once its money is spent, also after a restart', async () => {
      const machineTypes = [{ name: 'C1', engine: 'fake', cpus: 1, memoryBytes: GiB, gpus: 0, pricePerHour: 3600 }]
      const server = await startTestServer(make, eightProcessors, { machineTypes })
      const search = { searcher: 'random', trials: 50, parallel: 2, costLimit: 25 }
      const { id } = await server.client.experiment.create({ body: sweepOf(search, { command: 'run=10s' }) })
      let restarts = 0
      const ended = await runAll(server, id, async () => {
        restarts += 1
        if (restarts % 7 === 0) await server.restart()
      })
      expect(ended).toMatchObject({ state: 'succeeded', reason: 'Its 25 are spent: no trial begins beyond that.' })
      const trials = await allTrials(server, id)
      for (const { cost } of trials) expect(cost).toBeGreaterThanOrEqual(10)
      const sum = (some: readonly Trial[]) => some.reduce((all, { cost }) => all + (cost ?? 0), 0)
      const last = trials.at(-1) as Trial
      expect(sum(trials.filter(({ endedAt }) => endedAt! < last.askedAt))).toBeLessThan(25)
      const { cost } = await server.client.sweep.show({ sweep: id })
      expect(cost).toEqual({ perHour: 3600, spent: expect.closeTo(sum(trials), 6) })
      expect(sum(trials)).toBeGreaterThanOrEqual(25)
      const types = (await server.client['machine-type'].list({})).items
      expect(types).toMatchObject([{ name: 'C1', pricePerHour: 3600 }])
    }, 60_000)

    test('refuses a limit of cost that could not be kept', async () => {
      const server = await startTestServer(make, eightProcessors)
      const create = (more: object) => server.client.experiment.create({ body: sweepOf({ costLimit: 5 }, more) })
      await expect(create({ command: 'run=1s' })).rejects.toThrow('the machine type C1 has no price')
      await expect(create({})).rejects.toThrow('what trials cost that run elsewhere is not known here')
    })

    test('refuses more trials at a time than there is room for', async () => {
      const server = await startTestServer(make, eightProcessors)
      const create = (parallel: number, more: object = { command: 'run=1s' }) =>
        server.client.experiment.create({ body: sweepOf({ trials: 20, parallel }, more) })
      await expect(create(9)).rejects.toThrow('9 trials at a time, and this server has room for 8 of machine type C1')
      const fitting = await create(8)
      expect(fitting.kind).toBe('sweep')
      await server.client.experiment.start({ experiment: fitting.id })
      const change = (parallel: number) => server.client.sweep.update({ sweep: fitting.id, body: { parallel } })
      await expect(change(9)).rejects.toThrow('9 trials at a time, and this server has room for 8 of machine type C1')
      await expect(change(7)).resolves.toMatchObject({ parallel: 7 })
      // Those run elsewhere.
      await expect(create(9, {})).resolves.toMatchObject({ kind: 'sweep' })
    })

    test('begins with what earlier ones found, and refuses what contradicts itself', async () => {
      const server = await startTestServer(make)
      const create = (search: object, more: object = {}) =>
        server.client.experiment.create({ body: sweepOf({ trials: 2, ...search }, { ...more, start: true }) })
      const earlier = await create({}, { name: 'earlier' })
      await server.client.sweep.ask({ sweep: earlier.id })
      await server.client.sweep.tell({ sweep: earlier.id, number: 0, body: { objectives: { loss: 1 } } })
      const later = await create({ searcher: 'cma-es', warmStart: ['earlier'] })
      const cold = await create({ searcher: 'cma-es' })
      const valuesOf = async (sweep: string) => (await server.client.sweep.ask({ sweep })).trial?.values
      expect(await valuesOf(later.id)).not.toEqual(await valuesOf(cold.id))
      await expect(create({ warmStart: ['nobody'] })).rejects.toThrow('nobody')
      await expect(create({ space: {} })).rejects.toThrow('name at least one parameter')
      await expect(create({}, { command: 'train {{y}}' })).rejects.toThrow('its command names {{y}}')
      const wide = { type: 'int' as const, low: 0, high: 2_000_000 }
      await expect(create({ searcher: 'grid', space: { wide } })).rejects.toThrow('more than 1000000 cells')
    })
  })
})

test('values are never read as shell', () => {
  const values = { 'learning-rate': 0.1, text: "it's $(rm -rf /)", on: true, none: null }
  expect(commandWith('go {{learning-rate}} {{ text }} {{unknown}} ${HOME}', values)).toBe(
    "go 0.1 'it'\\''s $(rm -rf /)' {{unknown}} ${HOME}",
  )
  expect(commandWith('{{args}}', values)).toBe("--learning-rate=0.1 '--text=it'\\''s $(rm -rf /)' --on=true --none=")
  const env = environmentFor({ id: 'e1', name: 'n' }, 4, values, 2)
  expect(env).toMatchObject({ NABLA_PARAM_LEARNING_RATE: '0.1', NABLA_TRIAL_FROM: '/storage/sweeps/e1/2' })
})
