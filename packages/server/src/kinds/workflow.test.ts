import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkflowRun } from '@nabla/api/workflow'
import type { WorkflowSpec } from '@nabla/api/workflow-spec'
import type { WorkflowJobState, WorkflowRunState } from '@nabla/api/workflow-state'
import { describe, expect, test, vi } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

const GiB = 1024 ** 3
const roomy = { cpus: 16, memoryBytes: 64 * GiB, gpus: [] }

/** The words for the fake engine stand alone, so that it sees them. */
const script = (words: string, more: object = {}) => ({
  uses: 'script@v1' as const,
  with: { script: ` ${words} ` },
  resources: { 'instance-type': 'C1' },
  ...more,
})

const specOf = (jobs: Record<string, object>, more: object = {}) => ({ jobs, ...more }) as WorkflowSpec

async function begin(server: TestServer, spec: WorkflowSpec, inputs: Record<string, string> = {}) {
  const name = `flow-${Math.random().toString(36).slice(2)}`
  await server.client.workflow.create({ body: { name, project: 'demo' } })
  return server.client.workflow.run({ workflow: name, body: { spec, inputs } })
}

const look = async (server: TestServer, { workflow, number }: WorkflowRun): Promise<WorkflowRun> => {
  await server.running().deps.loop.idle()
  return server.client.workflow.showRun({ workflow: workflow.id, number })
}

/** Waits until the run is in this state; moves the clock on whenever it is not. `meanwhile` sees each look. */
function untilRun(
  server: TestServer,
  run: WorkflowRun,
  state: WorkflowRunState,
  meanwhile: (found: WorkflowRun) => Promise<void> = async () => undefined,
): Promise<WorkflowRun> {
  return vi.waitFor(
    async () => {
      const found = await look(server, run)
      await meanwhile(found)
      if (found.state === state) return found
      server.clock.advance(1000)
      throw new Error(`the run is ${found.state}, not ${state}: ${JSON.stringify(statesOf(found))}`)
    },
    { timeout: 50_000, interval: 5 },
  )
}

const statesOf = ({ jobs }: WorkflowRun): Record<string, WorkflowJobState> =>
  Object.fromEntries(jobs.map(({ name, state }) => [name, state]))

/** What a job would have written, in its artifacts, before it ends. */
async function leave(server: TestServer, jobId: string, path: string, text: string): Promise<void> {
  const { deps } = server.running()
  const job = await deps.db.selectFrom('jobs').select('artifactsId').where('id', '=', jobId).executeTakeFirstOrThrow()
  const file = join(deps.volumes.volumeDir(job.artifactsId), path)
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, text)
}

const jobOf = (run: WorkflowRun, name: string) => run.jobs.find((job) => job.name === name)!

/** Each look asks the server; on a machine that does much else, looks take long. */
const patient = { timeout: 90_000 }

eachDatabase((make, dialect) => {
  describe('workflows', patient, () => {
    test('run jobs in order and side by side, and hand datasets, volumes and texts on', async () => {
      const server = await startTestServer(make, roomy)
      const spec = specOf(
        {
          first: script('print=one run=1s', {
            outputs: {
              data: { type: 'dataset', with: { ref: 'made:prod' } },
              files: { type: 'volume' },
              word: { type: 'string' },
            },
            inputs: { greeting: 'workflow.inputs.greeting' },
          }),
          left: script('run=2s', {
            needs: 'first',
            inputs: { data: 'first.outputs.data', word: 'first.outputs.word' },
          }),
          right: script('run=2s', { inputs: { files: 'first.outputs.files' } }),
          last: script('run=1s', { needs: ['left', 'right'], env: { WHO: 'me' } }),
        },
        { inputs: { greeting: { type: 'string', with: { value: 'hello' } } }, defaults: { env: { WHO: 'all', N: 1 } } },
      )
      const run = await begin(server, spec, { greeting: 'hi there' })
      expect(run).toMatchObject({ number: 1, state: 'pending', inputs: { greeting: 'hi there' }, spec })
      let together = false
      const done = await untilRun(server, run, 'succeeded', async (now) => {
        const { job, state } = jobOf(now, 'first')
        if (job && state === 'running') {
          await leave(server, job.id, 'data/a.txt', 'a')
          await leave(server, job.id, 'files/b.txt', 'b')
          await leave(server, job.id, 'word', 'forty two')
        }
        const states = statesOf(now)
        together ||= states['left'] === 'running' && states['right'] === 'running'
      })
      expect(together).toBe(true)
      expect(Object.values(statesOf(done))).toEqual(['succeeded', 'succeeded', 'succeeded', 'succeeded'])
      expect(jobOf(done, 'first').outputs).toMatchObject([
        { name: 'data', reference: 'made:1', files: 1, state: 'ready' },
        { name: 'files', files: 1, state: 'ready' },
        { name: 'word', value: 'forty two', state: 'ready' },
      ])
      const made = await server.client.dataset.show({ dataset: 'made' })
      expect(made.latest).toMatchObject({ version: 1, tags: ['latest', 'prod'] })
      expect(made.latest!.source).toContain('first/data')
      const left = await server.client.job.show({ job: jobOf(done, 'left').job!.id })
      expect(left.datasets).toMatchObject([{ name: 'made', version: 1 }])
      const requests = await server.running().deps.db.selectFrom('tasks').select('request').execute()
      const mounts = requests.flatMap(
        ({ request }) => (JSON.parse(request) as { volumes: { target: string; aliases?: string[] }[] }).volumes,
      )
      const places = mounts.flatMap(({ target, aliases = [] }) => [target, ...aliases])
      expect(places).toEqual(
        expect.arrayContaining(['/inputs/greeting', '/inputs/data', '/inputs/word', '/inputs/files', '/outputs']),
      )
      const last = await server.client.job.show({ job: jobOf(done, 'last').job!.id })
      expect(last.spec.env).toEqual({ WHO: 'me', N: '1' })
    })

    test('fail with a job that fails: what needs it is skipped, what does not goes on', async () => {
      const server = await startTestServer(make, roomy)
      const run = await begin(
        server,
        specOf({
          bad: script('exit=3'),
          after: script('run=1s', { needs: ['bad'] }),
          later: script('run=1s', { needs: 'after' }),
          apart: script('run=5s'),
        }),
      )
      const done = await untilRun(server, run, 'failed')
      expect(statesOf(done)).toEqual({ bad: 'failed', after: 'skipped', later: 'skipped', apart: 'succeeded' })
      expect(done.reason).toMatch(/^bad: .*3/)
      expect(jobOf(done, 'later')).toMatchObject({ job: null, reason: 'after, which it needs, was skipped.' })
      const again = await server.client.workflow.rerun({ workflow: run.workflow.id, number: 1, body: {} })
      expect(again).toMatchObject({ number: 2, rerunOf: 1, spec: done.spec })
    })

    test('carry on from a run that failed: what succeeded is not run again, and what it left is read', async () => {
      const server = await startTestServer(make, roomy)
      const { client } = server
      const outputs = { files: { type: 'volume' }, word: { type: 'string' } }
      const spec = specOf({
        good: script('run=1s', { outputs }),
        bad: script('run=1s exit=3', { inputs: { files: 'good.outputs.files', word: 'good.outputs.word' } }),
        after: script('run=1s', { needs: 'bad' }),
      })
      const run = await begin(server, spec)
      const { workflow } = run
      await expect(
        client.workflow.rerun({ workflow: workflow.id, number: 1, body: { fromFailed: true } }),
      ).rejects.toThrow(/has not ended/)
      const failed = await untilRun(server, run, 'failed', async (now) => {
        const { job, state } = jobOf(now, 'good')
        if (!job || state !== 'running') return
        await leave(server, job.id, 'files/a.txt', 'a')
        await leave(server, job.id, 'word', 'so')
      })
      const jobs = (await client.job.list({})).items.length
      const again = await client.workflow.rerun({ workflow: workflow.id, number: 1, body: { fromFailed: true } })
      expect(again).toMatchObject({ number: 2, rerunOf: 1 })
      expect(statesOf(again)).toEqual({ good: 'succeeded', bad: 'waiting', after: 'waiting' })
      expect(jobOf(again, 'good')).toMatchObject({ job: jobOf(failed, 'good').job, reason: 'It was done in run 1.' })
      const second = await untilRun(server, again, 'failed')
      expect(statesOf(second)).toEqual({ good: 'succeeded', bad: 'failed', after: 'skipped' })
      expect((await client.job.list({})).items).toHaveLength(jobs + 1)
      // Of files that two runs share, each may go without the other.
      const { db } = server.running().deps
      const volumes = await db.selectFrom('workflowOutputs').select('volumeId').where('name', '=', 'files').execute()
      expect(new Set(volumes.map(({ volumeId }) => volumeId)).size).toBe(2)
      const requests = await db.selectFrom('tasks').select('request').execute()
      const mounted = requests
        .flatMap(({ request }) => (JSON.parse(request) as { volumes: { target: string; volumeId: string }[] }).volumes)
        .filter(({ target }) => target === '/inputs/files')
      expect(new Set(mounted.map(({ volumeId }) => volumeId))).toEqual(new Set(volumes.map(({ volumeId }) => volumeId)))
      const third = await client.workflow.rerun({ workflow: workflow.id, number: 2, body: { fromFailed: true } })
      expect(jobOf(third, 'good').reason).toBe('It was done in run 1.')
      await client.workflow.delete({ workflow: workflow.id, force: true })
    })

    test('stop: running jobs are ended, others never begin', async () => {
      const server = await startTestServer(make, roomy)
      const run = await begin(server, specOf({ long: script('run=900s'), next: script('run=1s', { needs: 'long' }) }))
      await untilRun(server, run, 'running')
      const asked = { workflow: run.workflow.id, number: 1, body: { graceSeconds: 0 } }
      await server.client.workflow.stopRun(asked)
      const done = await untilRun(server, run, 'cancelled')
      expect(statesOf(done)).toEqual({ long: 'cancelled', next: 'cancelled' })
      expect(await server.client.workflow.stopRun(asked)).toMatchObject({ state: 'cancelled' })
    })

    test('go on after the server was stopped, with each job made once', async () => {
      const server = await startTestServer(make, roomy)
      const run = await begin(
        server,
        specOf({
          first: script('run=2s', { outputs: { data: { type: 'dataset', with: { ref: 'kept' } } } }),
          second: script('run=2s', { inputs: { data: 'first.outputs.data' } }),
        }),
      )
      let restarts = 0
      const done = await untilRun(server, run, 'succeeded', async (now) => {
        const { job, state } = jobOf(now, 'first')
        if (job && state === 'running') await leave(server, job.id, 'data/a', 'a')
        const due = [state === 'running', state === 'collecting', statesOf(now)['second'] === 'running'][restarts]
        if (!due && !(restarts === 1 && state === 'succeeded')) return
        restarts += 1
        await server.restart()
      })
      expect(restarts).toBeGreaterThanOrEqual(2)
      const { items } = await server.client.job.list({})
      expect(items.map(({ name }) => name.split('-').at(-1)).toSorted((a, b) => (a! < b! ? -1 : 1))).toEqual([
        'first',
        'second',
      ])
      expect((await server.client.dataset.show({ dataset: 'kept' })).versions).toBe(1)
      expect(jobOf(done, 'first').outputs[0]!.reference).toBe('kept:1')
    })

    test('make a model of what a job left', async () => {
      const server = await startTestServer(make, roomy)
      const run = await begin(
        server,
        specOf({
          train: script('run=1s', { outputs: { files: { type: 'volume' } } }),
          register: {
            uses: 'create-model@v1',
            with: { name: 'digits', type: 'Custom' },
            inputs: { model: 'train.outputs.files' },
            outputs: { 'model-id': { type: 'string' } },
          },
        }),
      )
      const done = await untilRun(server, run, 'succeeded', async (now) => {
        const { job, state } = jobOf(now, 'train')
        if (job && state === 'running') await leave(server, job.id, 'files/weights.bin', 'weights')
      })
      const model = await server.client.model.show({ model: 'digits' })
      expect(jobOf(done, 'register').outputs).toMatchObject([{ value: model.id, reference: 'digits:1' }])
      expect(jobOf(done, 'register').job).toBeNull()
    })

    test('are listed with their newest run, renamed, tagged, and deleted with all that they had', async () => {
      const server = await startTestServer(make, roomy)
      const { client } = server
      const run = await begin(
        server,
        specOf({ only: script('run=900s', { inputs: { w: { type: 'string', with: { value: 'x' } } } }) }),
      )
      await untilRun(server, run, 'running')
      const { id } = run.workflow
      expect(await client.workflow.show({ workflow: run.id })).toMatchObject({ id })
      await client.workflow.update({ workflow: id, body: { name: 'renamed', tags: ['nightly'] } })
      const { items } = await client.workflow.list({ tag: 'nightly', project: 'demo' })
      expect(items).toMatchObject([{ name: 'renamed', runs: 1, latest: { number: 1, jobs: { total: 1, ended: 0 } } }])
      expect((await client.workflow.runs({ workflow: 'renamed' })).items).toMatchObject([
        { number: 1, state: 'running' },
      ])
      await expect(client.workflow.delete({ workflow: id })).rejects.toMatchObject({ code: 'conflict' })
      await client.workflow.delete({ workflow: id, force: true })
      await expect(client.workflow.show({ workflow: id })).rejects.toMatchObject({ status: 404 })
      const { db, loop } = server.running().deps
      await vi.waitFor(
        async () => {
          server.clock.advance(10_000)
          await loop.idle()
          expect(await db.selectFrom('workflows').select('id').execute()).toEqual([])
          expect(await db.selectFrom('workflowRuns').select('id').execute()).toEqual([])
          expect(await db.selectFrom('volumes').select('id').where('purpose', '=', 'workflow').execute()).toEqual([])
        },
        { timeout: 50_000, interval: 5 },
      )
    })
  })

  // What does not depend on the database.
  if (dialect === 'postgres') return
  describe('workflows of any server', patient, () => {
    test('show a text to a job as a file', async () => {
      const server = await startTestServer(make, roomy)
      const spec = specOf({
        one: script('run=60s', { inputs: { word: { type: 'string', with: { value: 'as it is' } } } }),
      })
      const run = await begin(server, spec)
      await untilRun(server, run, 'running')
      const mount = server.fake.specs.flatMap(({ mounts }) => mounts).find(({ target }) => target === '/inputs/word')
      expect(mount).toMatchObject({ mode: 'ro' })
      expect(await readFile(mount!.source, 'utf8')).toBe('as it is')
    })

    test('know the machine types and images of Gradient, and leave braces of programs alone', async () => {
      const containers = { 'paperspace/*': 'host' }
      const server = await startTestServer(make, roomy, { gradient: { containers } })
      const more = { resources: { 'instance-type': 'C4' } }
      const one = script('print=${{x}} run=1s', more)
      const image = 'paperspace/gradient-base:pt211'
      const run = await begin(server, specOf({ one: { ...one, with: { ...one.with, image } } }))
      expect(run.spec.jobs['one']).toMatchObject({ resources: { 'instance-type': 'C4' }, with: { image } })
      const done = await untilRun(server, run, 'succeeded')
      const job = await server.client.job.show({ job: jobOf(done, 'one').job!.id })
      expect(job.spec.image).toBe('host')
      const { items } = await server.client['machine-type'].list({})
      expect(items.find(({ name }) => name === job.machineType)!.cpus).toBeGreaterThanOrEqual(2)
    })

    test('fail when an output is missing, and say which', async () => {
      const server = await startTestServer(make, roomy)
      const run = await begin(server, specOf({ one: script('run=1s', { outputs: { word: { type: 'string' } } }) }))
      const done = await untilRun(server, run, 'failed')
      expect(done.reason).toContain('output word could not be kept')
    })

    test('are refused with a sentence when something in them is nowhere', async () => {
      const server = await startTestServer(make, roomy)
      const { client } = server
      const refused = async (jobs: Record<string, object>, words: RegExp, more: object = {}) =>
        expect(begin(server, specOf(jobs, more))).rejects.toThrow(words)
      await refused({ a: script('', { needs: 'b' }) }, /there is no job b/)
      await refused({ a: script('', { needs: 'b' }), b: script('', { needs: 'a' }) }, /waits for itself: a → b → a/)
      await refused({ a: { uses: 'deploy@v1', with: {} } }, /one of container@v1, script@v1/)
      await refused({ a: script('', { inputs: { x: 'b.outputs.y' } }), b: script('') }, /b has no output y/)
      await refused(
        { a: script('', { resources: { 'instance-type': 'P9' } }) },
        /Job a: There is no machine type P9 here/,
      )
      const big = { resources: { 'instance-type': 'A100x8' } }
      await refused({ a: script('', big) }, /has 8 GPUs\. There are: .*The setting gradient\.machineTypes says/)
      await refused({ a: script('echo ${{ inputs.x }}') }, /\$\{\{ inputs\.x \}\} is not replaced: .*\/inputs\/NAME/)
      await refused({ a: script('', { env: { K: '${{ secrets.K }}' } }) }, /env: \{NAME: secret:NAME\}/)
      const pushed = {
        uses: 'git-checkout@v1',
        with: { url: 'context.event.github.url' },
        outputs: { r: { type: 'volume' } },
      }
      await refused({ a: pushed }, /context\.event\.github\.url is known only to runs that a push begins/)
      await refused({ a: script('', { env: { K: 'secret:NONE' } }) }, /no secret NONE/)
      const data = { type: 'dataset', with: { ref: 'nowhere' } }
      await refused({ a: script('', { inputs: { x: data } }) }, /no dataset nowhere/)
      await refused({ a: script('') }, /input word/, { inputs: { word: { type: 'string' } } })
      await refused({ a: script('', { inputs: { x: { type: 'volume' } } }) }, /a volume comes from a job/)
      await client.workflow.create({ body: { name: 'empty', project: 'demo' } })
      await expect(client.workflow.run({ workflow: 'empty', body: {} })).rejects.toThrow(/has not run yet/)
      await expect(client.workflow.create({ body: { name: 'empty', project: 'demo' } })).rejects.toMatchObject({
        code: 'name_taken',
      })
    })
  })
})
