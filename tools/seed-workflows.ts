import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@nabla/api/client'
import type { WorkflowRun } from '@nabla/api/workflow'
import type { WorkflowSpec } from '@nabla/api/workflow-spec'
import type { RunningServer } from '@nabla/server'

/** Puts workflows onto a server with the fake engine: runs that succeeded, failed, and are under way. */
export async function seedWorkflows(client: Client, { deps }: Pick<RunningServer, 'deps'>): Promise<void> {
  await client.workflow.create({ body: { name: 'nightly', project: 'digits', tags: ['paper'] } })
  const first = await client.workflow.run({ workflow: 'nightly', body: { spec: specOf('run=2s'), inputs: {} } })
  await untilEnd(client, deps, first)
  const second = await client.workflow.run({
    workflow: 'nightly',
    body: { spec: specOf('run=36000s'), inputs: { rate: '0.01' } },
  })
  await untilOutputs(client, deps, second)
  await client.workflow.create({ body: { name: 'release', project: 'speech' } })
  const failing = await client.workflow.run({ workflow: 'release', body: { spec: failingSpec } })
  await untilEnd(client, deps, failing)
  await client.workflow.create({ body: { name: 'for-later', project: 'speech' } })
}

const script = (words: string) => ({ uses: 'script@v1' as const, with: { script: ` ${words} ` } })

/** The words steer the fake engine. */
const specOf = (training: string): WorkflowSpec => ({
  defaults: { resources: { 'instance-type': 'small' } },
  inputs: { rate: { type: 'string', with: { value: '0.1' } } },
  jobs: {
    prepare: {
      ...script('run=2s print=60000_pictures'),
      outputs: {
        data: { type: 'dataset', with: { ref: 'digits-clean' } },
        classes: { type: 'string' },
        scratch: { type: 'volume' },
      },
    },
    'train-small': { ...script(training), inputs: { data: 'prepare.outputs.data', rate: 'workflow.inputs.rate' } },
    'train-large': { ...script(training), inputs: { data: 'prepare.outputs.data' } },
    'look-at-data': { ...script('run=1s print=all_is_well'), inputs: { scratch: 'prepare.outputs.scratch' } },
    compare: { ...script('run=1s'), needs: ['train-small', 'train-large'] },
    report: { ...script('run=1s'), needs: ['compare', 'look-at-data'] },
  },
})

const failingSpec: WorkflowSpec = {
  defaults: { resources: { 'instance-type': 'small' } },
  jobs: {
    build: script('run=1s print=built'),
    test: { ...script('run=1s print=1_test_failed exit=3'), needs: ['build'] },
    publish: { ...script('run=1s'), needs: ['test'] },
    docs: { ...script('run=1s'), needs: ['build'] },
  },
}

type Deps = RunningServer['deps']

/** What jobs would have left: the fake engine writes nothing. */
async function leaveOutputs(deps: Deps, run: WorkflowRun): Promise<void> {
  const job = run.jobs.find(({ name }) => name === 'prepare')
  if (job?.state !== 'running' || !job.job) return
  const row = await deps.db.selectFrom('jobs').select('artifactsId').where('id', '=', job.job.id).executeTakeFirst()
  if (!row) return
  const folder = deps.volumes.volumeDir(row.artifactsId)
  for (const name of ['data', 'scratch']) mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'data', 'digits.csv'), 'pixel,label\n0,3\n1,7\n')
  writeFileSync(join(folder, 'scratch', 'look.txt'), 'all is well\n')
  writeFileSync(join(folder, 'classes'), 'ten')
}

const untilEnd = (client: Client, deps: Deps, run: WorkflowRun) =>
  until(client, deps, run, ({ endedAt }) => endedAt !== null)

const untilOutputs = (client: Client, deps: Deps, run: WorkflowRun) =>
  until(client, deps, run, ({ jobs }) => jobs.some(({ name, state }) => name === 'train-large' && state === 'running'))

async function until(client: Client, deps: Deps, run: WorkflowRun, is: (now: WorkflowRun) => boolean): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const now = await client.workflow.showRun({ workflow: run.workflow.id, number: run.number })
    await leaveOutputs(deps, now)
    if (is(now)) return
    await delay(100)
  }
  throw new Error(`run ${run.number} of ${run.workflow.name} does not come to what was wanted`)
}
