import { setTimeout as pause } from 'node:timers/promises'
import type { WorkflowRun } from '@nabla/api/workflow'
import type { WorkflowSpec } from '@nabla/api/workflow-spec'
import { expect, test } from 'vitest'
import { startServerProcess, until } from './support/server-process.ts'

/** Notes that it ran where all jobs can write, and takes a moment. */
const step = (name: string, more = '') => ({
  uses: 'script@v1' as const,
  with: { script: `echo ${name} >> /storage/ran; sleep 0.6${more && `; ${more}`}` },
  resources: { 'instance-type': 'C1' },
})

const spec: WorkflowSpec = {
  jobs: {
    first: {
      ...step('first', 'echo made > /outputs/data/file; printf 42 > /outputs/answer'),
      outputs: { data: { type: 'dataset', with: { ref: 'kept' } }, answer: { type: 'string' } },
    },
    left: {
      ...step('left', 'cp /inputs/data/file /outputs/files/'),
      ...reads('data'),
      outputs: { files: { type: 'volume' } },
    },
    right: { ...step('right', 'cat /inputs/answer'), ...reads('answer') },
    last: {
      ...step('last', 'cat /inputs/files/file'),
      needs: ['right'],
      inputs: { files: 'left.outputs.files' },
    },
  },
}

function reads(output: string) {
  return { inputs: { [output]: `first.outputs.${output}` } }
}

test('kill -9 of the server during a workflow: it goes on, and each job runs once', async () => {
  const server = await startServerProcess({ settings: { cpuOvercommit: 4 } })
  await server.client.workflow.create({ body: { name: 'flow', project: 'flows' } })
  await server.client.workflow.run({ workflow: 'flow', body: { spec } })
  const show = (): Promise<WorkflowRun> => server.client.workflow.showRun({ workflow: 'flow', number: 1 })
  // At moments that nobody chose: between jobs, while outputs are put away, while jobs run.
  for (const ms of [50, 900, 300, 700]) {
    await pause(ms)
    await server.kill()
    await server.start()
  }
  await until(async () => {
    const { state, reason } = await show()
    if (state !== 'succeeded') throw new Error(`the run is ${state}: ${reason ?? ''}`)
  })
  const { jobs } = await show()
  expect(jobs.map(({ name, state }) => `${name} ${state}`)).toEqual(
    ['first', 'left', 'right', 'last'].map((name) => `${name} succeeded`),
  )
  const ran = await (await server.client.storage.get({ path: 'ran' })).text()
  expect(
    ran
      .trim()
      .split('\n')
      .toSorted((a, b) => a.localeCompare(b)),
  ).toEqual(['first', 'last', 'left', 'right'])
  expect((await server.client.job.list({})).items).toHaveLength(4)
  expect((await server.client.dataset.show({ dataset: 'kept' })).versions).toBe(1)
  const [last] = jobs.filter(({ name }) => name === 'last')
  const log = await server.client.job.downloadLogs({ job: last!.job!.id, source: 'stdout' })
  expect(await log.text()).toBe('made\n')
})
