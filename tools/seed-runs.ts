import type { Client } from '@nabla/api/client'

const models = ['cnn', 'mlp', 'transformer']

/** Puts tracked runs onto a server: curves that fall and rise with their parameters, one still running, one with a NaN. */
export async function seedRuns(client: Client, count = 24): Promise<string[]> {
  const random = randomFrom(11)
  const ids: string[] = []
  for (let index = 0; index < count; index++) {
    const lr = 10 ** (-4 + 3 * random())
    const model = models[index % models.length]!
    const batch = [16, 32, 64, 128][Math.floor(random() * 4)]!
    const { id } = await client.run.create({ body: { project: 'tracked', name: `${model}-${index + 1}` } })
    ids.push(id)
    await client.run.log({
      run: id,
      body: {
        params: { lr: lr.toPrecision(3), model, batch_size: String(batch), optimizer: 'adam', seed: String(index) },
        labels: { host: 'desk', 'git.branch': 'main' },
        metrics: curves({ lr, model, batch }, random, index),
      },
    })
    if (index > 0) await client.run.update({ run: id, body: { state: index === 2 ? 'failed' : 'finished' } })
  }
  await client.run.update({
    run: ids[0]!,
    body: {
      note: '# Baseline\n\nThe **first** one, with `adam`:\n\n- no warm-up\n- see [the paper](https://arxiv.org/abs/1412.6980)',
    },
  })
  return ids
}

/** Two experiments for the engine that is not real: one node, and three that meet. */
export async function seedExperiments(client: Client): Promise<void> {
  const common = { project: 'tracked', machineType: 'small', start: true }
  await client.experiment.create({
    body: { ...common, kind: 'single', name: 'digits-baseline', command: 'run=1s print=accuracy=0.91', tags: ['keep'] },
  })
  await client.experiment.create({
    body: {
      ...common,
      kind: 'multi-node',
      name: 'digits-distributed',
      scheme: 'pytorch',
      roles: [{ name: 'worker', count: 3, command: 'run=3600s print=epoch_1' }],
    },
  })
  await client.experiment.create({
    body: { ...common, start: false, kind: 'single', name: 'for-later', command: 'python train.py' },
  })
  await client.tensorboard.create({
    body: { name: 'all run=3600s digits', experiments: ['digits-baseline', 'digits-distributed'] },
  })
  await client.tensorboard.create({ body: { name: 'a setup=no_packages board', experiments: ['digits-baseline'] } })
}

function curves(given: { lr: number; model: string; batch: number }, random: () => number, index: number) {
  const quality = 1 - Math.abs(Math.log10(given.lr) + 2.5) / 3 - (given.model === 'mlp' ? 0.15 : 0)
  const begin = Date.parse('2026-11-22T06:00:00Z') + index * 60_000
  return Array.from({ length: 120 }, (_, step) => {
    const at = new Date(begin + step * 1500).toISOString()
    const share = 1 - Math.exp(-step / 25)
    const noise = () => 0.04 * (random() - 0.5)
    const loss = 2.3 * Math.exp(-(step * quality) / 30) + 0.1 + noise()
    const isBroken = index === 2 && step > 100
    return [
      { name: 'train/loss', step, at, value: isBroken ? ('NaN' as const) : loss },
      { name: 'val/loss', step, at, value: loss * 1.1 + noise() },
      { name: 'accuracy', step, at, value: Math.min(0.995, 0.1 + 0.85 * share * quality + noise()) },
      { name: 'epoch', step, at, value: Math.floor(step / 12) },
    ]
  }).flat()
}

function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}
