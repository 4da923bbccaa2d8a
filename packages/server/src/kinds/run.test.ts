import { text } from 'node:stream/consumers'
import { describe, expect, test, vi } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'
import { jobRunId } from './run/job-run.ts'
import { programToken } from './run/program.ts'

async function begin(server: TestServer, name: string, project = 'digits'): Promise<string> {
  return (await server.client.run.create({ body: { project, name } })).id
}

/** A call of MLflow's API with a key; the status and the answer. */
async function mlflow(server: TestServer, key: string, path: string, body?: object) {
  const init = body
    ? { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    : { headers: {} }
  const headers = { ...init.headers, authorization: `Bearer ${key}` }
  const response = await fetch(`${server.running().url}/api/2.0/mlflow/${path}`, { ...init, headers })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

eachDatabase((make) => {
  describe('runs', () => {
    test('are found, sorted, charted, exported and deleted', { timeout: 90_000 }, async () => {
      const server = await startTestServer(make)
      const { client } = server
      const [one, two, three] = [
        await begin(server, 'one'),
        await begin(server, 'two'),
        await begin(server, 'three', 'x'),
      ]
      const values = [3, 'NaN', 1, 'Infinity'] as const
      const metrics = values.map((value, step) => ({ name: 'loss', value, step }))
      await client.run.log({
        run: one,
        body: { metrics, params: { model: 'cnn', __proto__x: '1' }, labels: { k: 'A%' } },
      })
      await client.run.log({ run: two, body: { metrics: [{ name: 'loss', value: 0.5 }], params: { model: '=1+1' } } })
      await client.run.log({ run: three, body: { metrics: [{ name: 'acc', value: 'NaN' }] } })
      const names = async (query: object) => (await client.run.list(query)).items.map(({ name }) => name)
      expect(await names({ order: 'attributes.run_name' })).toEqual(['one', 'three', 'two'])
      expect(await names({ filter: 'metrics.loss < 1' })).toEqual(['two'])
      expect(await names({ filter: `params.model = "cnn" and tags.k LIKE 'A%'` })).toEqual(['one'])
      expect(await names({ filter: `params.model ILIKE 'CN_'`, project: 'digits' })).toEqual(['one'])
      expect(await names({ filter: 'metrics.acc is not null' })).toEqual(['three'])
      expect(await names({ project: 'digits', order: 'metrics.loss asc' })).toEqual(['two', 'one'])
      expect(await names({ order: 'metrics.loss desc, attributes.run_name desc' })).toEqual(['one', 'two', 'three'])
      const first = await client.run.list({ order: 'metrics.loss asc', limit: 1 })
      expect(await names({ order: 'metrics.loss asc', limit: 1, after: first.next! })).toEqual(['one'])
      const columns = await client.run.columns({ project: 'digits' })
      expect(columns).toMatchObject({ runs: 2, metrics: ['loss'], params: ['__proto__x', 'model'], labels: ['k'] })

      const { curves } = await client.run.curves({ body: { runs: [one, two], metrics: ['loss', 'none'] } })
      expect(curves.map(({ run, points }) => [run, points.map(([, , , value]) => value)])).toEqual([
        [one, [3, 'NaN', 1, 'Infinity']],
        [two, [0.5]],
      ])
      const history = await client.run.history({ run: one, metric: 'loss', limit: 3 })
      expect(history.items.map(({ value }) => value)).toEqual([3, 'NaN', 1])
      expect((await client.run.history({ run: one, metric: 'loss', after: history.next! })).items).toHaveLength(1)

      const { body } = await client.run.export({ project: 'digits', order: 'attributes.run_name' })
      const lines = (await text(body!)).split('\r\n')
      expect(lines[0]).toBe(
        'id,name,project,experiment,job,state,started,ended,user,tags,params.__proto__x,params.model,metrics.loss,tags.k',
      )
      expect(lines[1]).toMatch(/,1,cnn,Infinity,A%$/)
      expect(lines[2]).toMatch(/,'=1\+1,0\.5,$/)

      await client.run.update({ run: one, body: { name: 'renamed', note: '# Note', tags: ['good'], state: 'failed' } })
      expect(await client.run.show({ run: one })).toMatchObject({
        name: 'renamed',
        note: '# Note',
        tags: ['good'],
        state: 'failed',
      })
      expect(await client.run.delete({ run: one })).toEqual({ deleted: true })
      await expect(client.run.show({ run: one })).rejects.toMatchObject({ code: 'not_found' })
      await expect(client.run.list({ filter: 'metrics.loss <' })).rejects.toMatchObject({ code: 'bad_filter' })
    })

    test('of a project with many runs are asked for by the names that any of them has, until all are gone', async () => {
      const { client } = await startTestServer(make)
      const create = () => client.run.create({ body: { project: 'many' } })
      const ids = [(await create()).id]
      for (const { id } of await Promise.all(Array.from({ length: 101 }, create))) ids.push(id)
      await client.run.log({
        run: ids[0]!,
        body: { metrics: [{ name: 'loss', value: 1 }], params: { lr: '1' }, labels: { host: 'a' } },
      })
      await client.run.log({ run: ids[101]!, body: { metrics: [{ name: 'accuracy', value: 1 }] } })
      const names = { metrics: ['accuracy', 'loss'], params: ['lr'], labels: ['host'] }
      expect(await client.run.columns({ project: 'many' })).toMatchObject({ runs: 102, complete: true, ...names })
      // Of few runs, only what these have.
      await client.run.delete({ run: ids[101]! })
      await client.run.delete({ run: ids[100]! })
      expect(await client.run.columns({ project: 'many' })).toMatchObject({ runs: 100, ...names, metrics: ['loss'] })
      expect(await client.run.columns({})).toMatchObject({ runs: 100, metrics: ['loss'] })
    })

    test('are followed as they log', async () => {
      const server = await startTestServer(make)
      const run = await begin(server, 'one')
      const watching = new AbortController()
      const heard: unknown[] = []
      const following = (async () => {
        const stream = server.client.run.follow({ runs: run, metrics: 'loss' }, { signal: watching.signal })
        for await (const { data } of stream) heard.push(...data.values.map(([name, , , value]) => [name, value]))
      })()
      await vi.waitFor(
        async () => {
          const metrics = [
            { name: 'loss', value: 'NaN' as const },
            { name: 'other', value: 1 },
          ]
          await server.client.run.log({ run, body: { metrics } })
          expect(heard).toContainEqual(['loss', 'NaN'])
        },
        { timeout: 15_000 },
      )
      watching.abort()
      await following.catch(() => undefined)
      expect(heard).not.toContainEqual(['other', 1])
    })

    test('of a job are there when its program logs, and end with it; its key is for nothing else', async () => {
      const server = await startTestServer(make)
      const job = await server.client.job.create({ body: { command: 'run=60s', project: 'digits' } })
      await server.untilState(job.id, 'running')
      const run = jobRunId(job.id)
      const token = programToken(server.running().deps.box, job.id)
      expect((await server.client.run.list({})).items).toEqual([])
      const metric = { run_id: run, key: 'loss', value: 1, timestamp: 1_700_000_000_000, step: 2 }
      expect(await mlflow(server, token, 'runs/log-metric', metric)).toEqual({ status: 200, body: {} })
      const made = await mlflow(server, token, 'runs/create', { experiment_id: '0', run_name: 'second' })
      expect(made.body).toMatchObject({ run: { info: { experiment_id: job.project.id, status: 'RUNNING' } } })
      const pushed = await fetch(`${server.running().url}/pushgateway/${token}/metrics/job/x/step/3`, {
        method: 'PUT',
        body: 'pushed{step="3"} 7\n',
      })
      expect(pushed.status).toBe(200)
      expect(await server.client.run.show({ run: job.id })).toMatchObject({
        id: run,
        name: job.name,
        state: 'running',
        job: { id: job.id },
        metrics: { loss: { value: 1, step: 2 }, pushed: { value: 7, step: 3 } },
      })
      await expect(server.clientFor(token).job.list({})).rejects.toMatchObject({ code: 'forbidden' })
      await expect(server.clientFor(token).secret.list({})).rejects.toMatchObject({ code: 'forbidden' })
      await server.client.job.stop({ job: job.id, body: {} })
      await server.untilState(job.id, 'cancelled')
      const ended = (await server.client.run.list({ job: job.id })).items
      expect(ended.map(({ state, endedAt }) => [state, endedAt !== null])).toEqual([
        ['killed', true],
        ['killed', true],
      ])
      expect(await mlflow(server, token, `runs/get?run_id=${run}`)).toMatchObject({ status: 401 })
    })

    test('go into a project of any text, also one that another had before', async () => {
      const server = await startTestServer(make)
      const create = (name: string) => mlflow(server, server.key, 'experiments/create', { name })
      const first = (await create('a/b: c')).body['experiment_id'] as string
      expect((await create('a/b: c')).body).toMatchObject({ error_code: 'RESOURCE_ALREADY_EXISTS' })
      await mlflow(server, server.key, 'experiments/update', { experiment_id: first, new_name: 'renamed' })
      const second = (await create('a/b: c')).body['experiment_id'] as string
      expect(second).not.toBe(first)
      const found = await mlflow(server, server.key, 'experiments/get-by-name?experiment_name=a%2Fb%3A+c')
      expect(found.body).toMatchObject({ experiment: { experiment_id: second, name: 'a/b: c' } })
      const names = (await server.client.project.list({})).items.map(({ name }) => name).toSorted()
      expect(names).toEqual([expect.stringMatching(/^a-b: c [0-9a-f]{6}$/), expect.stringMatching(/ 2$/)])
    })

    test('refuse in MLflow’s words what they cannot take', { timeout: 90_000 }, async () => {
      const server = await startTestServer(make)
      const run = await begin(server, 'one')
      const call = (path: string, body?: object) => mlflow(server, server.key, path, body)
      const refused = { status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE' } }
      const metrics = Array.from({ length: 10_001 }, (_, step) => ({ key: 'a', value: 1, timestamp: 1, step }))
      expect(await call('runs/log-batch', { run_id: run, metrics })).toMatchObject(refused)
      const names = Array.from({ length: 10_000 }, (_, index) => ({
        key: `m${index}`,
        value: 1,
        timestamp: 1,
        step: 0,
      }))
      expect(await call('runs/log-batch', { run_id: run, metrics: names })).toMatchObject({ status: 200 })
      const more = await call('runs/log-metric', { run_id: run, key: 'one too many', value: 1, timestamp: 1 })
      expect(more).toMatchObject(refused)
      expect(more.body['message']).toContain('One run has at most 10000 different metrics.')
      expect(await call('runs/log-metric', { run_id: run, key: 'm1', value: 'much' })).toMatchObject(refused)
      expect(await call('runs/log-metric', { run_id: run, key: 'x'.repeat(251), value: 1 })).toMatchObject(refused)
      await call('runs/delete', { run_id: run })
      expect(await call('runs/log-metric', { run_id: run, key: 'm1', value: 1 })).toMatchObject(refused)
      const outside = await fetch(
        `${server.running().url}/api/2.0/mlflow-artifacts/artifacts/${run}/..%2f..%2fsecret.key`,
        {
          headers: { authorization: `Bearer ${server.key}` },
        },
      )
      expect(outside.status).toBe(400)
    })
  })
})
