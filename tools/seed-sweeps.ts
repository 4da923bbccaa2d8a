import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@nabla/api/client'
import type { Trial } from '@nabla/api/sweep'

const space = {
  rate: { type: 'uniform' as const, low: 1e-4, high: 1, log: true },
  layers: { type: 'int' as const, low: 1, high: 8 },
  dropout: { type: 'uniform' as const, low: 0, high: 0.5, step: 0.05 },
  optimizer: { type: 'choice' as const, values: ['sgd', 'adam', 'lion'] },
  momentum: { type: 'uniform' as const, low: 0, high: 1, when: { parameter: 'optimizer', is: ['sgd'] } },
}

/**
 * Puts sweeps onto a server: one with an objective, some failures and a few trials under way, one with two objectives,
 * and one whose trials are jobs.
 */
export async function seedSweeps(client: Client, trials = 48): Promise<void> {
  const common = { kind: 'sweep' as const, project: 'tracked', machineType: 'small', start: true }
  const search = { space, parallel: 4, seed: 5 }
  const loss = { metric: 'val/loss' }
  await client.experiment.create({
    body: { ...common, name: 'learning-rate', search: { ...search, objectives: [loss], trials: trials + 12 } },
  })
  const objectives = [loss, { metric: 'size_mb' }]
  await client.experiment.create({
    body: {
      ...common,
      name: 'loss-or-size',
      search: { ...search, searcher: 'random', objectives, trials: trials / 2 },
    },
  })
  await client.experiment.create({
    body: {
      ...common,
      name: 'digits-search',
      command: 'run=3600s {{args}}',
      search: { ...search, objectives: [{ metric: 'accuracy', direction: 'maximize' }], trials: 20, parallel: 2 },
    },
  })
  await runTrials(client, 'learning-rate', trials, ({ values }) => ({ 'val/loss': lossOf(values) }))
  await runTrials(client, 'loss-or-size', trials / 2, ({ values }) => ({
    'val/loss': lossOf(values),
    size_mb: 0.4 + Number(values['layers']) * 1.7,
  }))
}

async function runTrials(
  client: Client,
  sweep: string,
  count: number,
  resultsOf: (trial: Trial) => Record<string, number>,
): Promise<void> {
  const asked: Trial[] = []
  for (let number = 1; number <= count; number++) {
    const trial = await ask(client, sweep)
    asked.push(trial)
    const ended = asked.length > 3 || number === count ? asked.shift() : undefined
    if (!ended) continue
    const isFailed = ended.number % 17 === 5
    const isStopped = ended.number % 9 === 4
    await client.sweep.tell({
      sweep,
      number: ended.number,
      body: isFailed
        ? { state: 'failed', reason: 'Ended with exit code 137: it was killed for its memory.' }
        : { state: isStopped ? 'stopped' : 'complete', objectives: resultsOf(ended) },
    })
  }
}

/** The next trial of a sweep. Right after it was made, nobody can ask yet. */
async function ask(client: Client, sweep: string): Promise<Trial> {
  for (let tries = 0; tries < 300; tries++) {
    const { trial } = await client.sweep.ask({ sweep })
    if (trial) return trial
    await delay(20)
  }
  throw new Error(`the sweep ${sweep} has no trial to give`)
}

function lossOf(values: Trial['values']): number {
  const [rate, layers, dropout, momentum] = ['rate', 'layers', 'dropout', 'momentum'].map((name) =>
    Number(values[name] ?? 0.5),
  )
  const ripple = 0.03 * Math.sin(50 * (dropout ?? 0) + (layers ?? 0))
  const kind =
    values['optimizer'] === 'lion'
      ? 0.25
      : values['optimizer'] === 'sgd'
        ? 0.1 + 0.2 * Math.abs((momentum ?? 0) - 0.9)
        : 0
  return 0.08 + 0.12 * (Math.log10(rate ?? 1) + 2.4) ** 2 + 0.01 * ((layers ?? 0) - 5) ** 2 + kind + ripple + 0.05
}
