import { availableParallelism } from 'node:os'
import { expect, test } from 'vitest'
import { startServerProcess, until } from './support/server-process.ts'

/** Each node writes that it ran, and waits until the other one has. */
const command =
  'd=/storage/$NABLA_EXPERIMENT_ID; mkdir -p $d; echo $NABLA_INDEX >> $d/$NABLA_INDEX; ' +
  'for i in $(seq 600); do [ -e $d/0 ] && [ -e $d/1 ] && exit 0; sleep 0.1; done; exit 9'

const gang = {
  kind: 'multi-node' as const,
  scheme: 'none' as const,
  project: 'gang',
  machineType: 'C1',
  start: true,
  roles: [{ name: 'x', count: 2, command }],
}

/**
 * Each node counts to six, and keeps how far it is in a file that the next attempt begins from. In the first attempt
 * one fails at three, when the other one waits for it.
 */
const counting = `
d=/storage/$NABLA_EXPERIMENT_ID; mkdir -p $d; at=$(cat $d/$NABLA_INDEX 2>/dev/null || echo 0)
echo "attempt $NABLA_ATTEMPT begins at $at"
while [ $at -lt 6 ]; do
  at=$((at + 1)); echo $at > $d/new-$NABLA_INDEX; mv $d/new-$NABLA_INDEX $d/$NABLA_INDEX
  if [ $at$NABLA_ATTEMPT = 31 ]; then [ $NABLA_INDEX = 1 ] && exit 7; sleep 600; fi
done
`

const few = availableParallelism() < 2
const name = few
  ? 'two nodes: this machine has one processor'
  : 'kill -9 of the server loses no node and makes none twice'

test.skipIf(few)(name, async () => {
  const server = await startServerProcess()
  const ids: string[] = []
  for (const state of [undefined, 'pending', 'provisioning', 'running', 'succeeded'] as const) {
    const { id } = await server.client.experiment.create({ body: gang })
    ids.push(id)
    if (state) await server.client.experiment.wait({ experiment: id, state, seconds: 20 })
    await server.kill()
    await server.start()
  }
  for (const id of ids) {
    const done = await until(async () => {
      const found = await server.client.experiment.show({ experiment: id })
      if (found.endedAt === null) throw new Error(`${id} is ${found.state}: ${found.reason}`)
      return found
    })
    const nodes = done.jobs.map(({ host, state }) => `${host} ${state}`)
    expect({ state: done.state, attempt: done.attempt, reason: done.reason, nodes }).toEqual({
      state: 'succeeded',
      attempt: 1,
      reason: null,
      nodes: ['x-0 succeeded', 'x-1 succeeded'],
    })
    for (const index of ['0', '1']) {
      const file = await server.client.storage.get({ path: `${id}/${index}` })
      expect(await file.text()).toBe(`${index}\n`)
    }
  }
  expect((await server.client.job.list({ limit: 50 })).items).toHaveLength(2 * ids.length)
})

const again = few ? 'a gang: this machine has one processor' : 'a gang that failed begins again at its last checkpoint'

test.skipIf(few)(again, async () => {
  const server = await startServerProcess()
  const roles = [{ name: 'x', count: 2, command: counting }]
  const { id } = await server.client.experiment.create({ body: { ...gang, name: 'again', retries: 1, roles } })
  const done = await until(async () => {
    const found = await server.client.experiment.show({ experiment: id })
    if (found.endedAt === null) throw new Error(`${id} is ${found.state}: ${found.reason}`)
    return found
  })
  expect(done).toMatchObject({ state: 'succeeded', attempt: 2, reason: null })
  const begun = await Promise.all(
    done.jobs.map(async ({ id: job }) => (await server.client.job.logs({ job })).items.map(({ text }) => text)),
  )
  expect(begun[1]).toEqual(['attempt 2 begins at 3'])
  expect(begun[0]).toEqual([expect.stringMatching(/^attempt 2 begins at [0-3]$/)])
})
