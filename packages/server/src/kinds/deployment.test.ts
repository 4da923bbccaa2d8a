import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { eachDatabase, type MakeDatabase } from '../testing/database.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

// Others may need the processors as well.
vi.setConfig({ testTimeout: 120_000 })

const body = {
  project: 'web',
  name: 'shop',
  command: 'run=9999s',
  machineType: 'C1',
  // The clock of the test goes faster than sockets do.
  healthChecks: { readiness: { timeoutSeconds: 60 } },
  bounds: { queueSeconds: 600 },
}

eachDatabase((make) => {
  describe('a deployment', () => {
    test('answers when its instance says that it is ready, keeps its history, and goes back', async () => {
      const { server, world } = await aWorld(make)
      const { client } = server
      const made = await client.deployment.create({ body: { ...body, env: { COLOR: 'red' } } })
      expect(made).toMatchObject({ state: 'starting', revision: 1, serving: null, rollout: { state: 'rolling' } })
      expect(await world.until('running')).toMatchObject({ serving: 1, rollout: null, instances: { ready: 1 } })
      expect(await world.ask()).toEqual([200, 'red'])

      await client.deployment.update({ deployment: 'shop', body: { env: { COLOR: 'green' } } })
      await world.until('running', ({ serving }) => serving === 2)
      expect(await world.ask()).toEqual([200, 'green'])
      const { items } = await client.deployment.revisions({ deployment: 'shop' })
      expect(items.map(({ number, state }) => [number, state])).toEqual([
        [2, 'serving'],
        [1, 'superseded'],
      ])
      expect(items[0]?.changes).toEqual([{ field: 'env.COLOR', before: 'red', after: 'green' }])

      await client.deployment.rollback({ deployment: 'shop', body: {} })
      const back = await world.until('running', ({ serving }) => serving === 3)
      expect(back.spec.env).toEqual({ COLOR: 'red' })
      expect(await world.ask()).toEqual([200, 'red'])
    })

    test('is stopped, started, scaled and deleted', async () => {
      const { server, world } = await aWorld(make)
      const { client } = server
      await client.deployment.create({ body: { ...body, start: false } })
      await world.until('stopped')
      expect(await world.ask()).toEqual([503, 'no_instance'])
      await client.deployment.start({ deployment: 'shop' })
      await world.until('running')
      await client.deployment.scale({ deployment: 'shop', body: { instances: 3 } })
      await world.until('running', ({ instances }) => instances.ready === 3)
      await client.deployment.scale({ deployment: 'shop', body: { instances: 1 } })
      await world.until('running', ({ instances }) => instances.all === 1)
      const early = client.deployment.delete({ deployment: 'shop' })
      await expect(early).rejects.toMatchObject({ code: 'conflict' })
      await client.deployment.stop({ deployment: 'shop' })
      await world.until('stopped')
      await client.deployment.delete({ deployment: 'shop' })
      await expect(client.deployment.show({ deployment: 'shop' })).rejects.toMatchObject({ code: 'not_found' })
      const types = (await client.event.list({ type: 'deployment', after: 0 })).items.map(({ type }) => type)
      expect(types).toEqual(
        expect.arrayContaining(['deployment.created', 'deployment.rolled_out', 'deployment.deleted']),
      )
      await vi.waitFor(async () => {
        server.clock.advance(10_000)
        await server.running().deps.loop.idle()
        const rows = await server.running().deps.db.selectFrom('deployments').select('id').execute()
        expect(rows).toEqual([])
      }, 20_000)
    })

    test('goes on with the revision before when the newest does not come up', async () => {
      const { server, world } = await aWorld(make)
      await server.client.deployment.create({ body })
      await world.until('running')
      await server.client.deployment.update({ deployment: 'shop', body: { command: 'print=no_such_file exit=3' } })
      const failed = await world.until('running', ({ rollout }) => rollout?.state === 'failed')
      expect(failed).toMatchObject({ revision: 2, serving: 1 })
      expect(failed.rollout?.reason).toContain('exit code 3')
      expect(failed.rollout?.lastLines).toContain('no_such_file')
      expect(await world.ask()).toEqual([200, 'none'])
    })

    test('is found again by a server that is started anew', async () => {
      const { server, world } = await aWorld(make)
      await server.client.deployment.create({ body })
      await world.until('running')
      await server.restart()
      await world.until('running')
      expect(await world.ask()).toEqual([200, 'none'])
    })

    test('that has nothing to do has no instance, and the next request wakes one', async () => {
      const { server, world } = await aWorld(make)
      const autoscaling = { min: 0, max: 2, target: 4, idleSeconds: 30, cooldownSeconds: 5 }
      await server.client.deployment.create({ body: { ...body, autoscaling } })
      await world.until('running')
      await world.until('sleeping', ({ instances }) => instances.all === 0)
      const answers = Promise.all([world.ask(), world.ask(), world.ask()])
      await world.until('running')
      expect(await answers).toEqual([
        [200, 'none'],
        [200, 'none'],
        [200, 'none'],
      ])
    })
  })

  test('a canary gets its share, and is taken back by itself when it fails', async () => {
    const { server, world } = await aWorld(make)
    const { client } = server
    await client.deployment.create({ body: { ...body, guard: { requests: 5 } } })
    await world.until('running')
    const canary = { env: { COLOR: 'bad' }, canaryPercent: 50 }
    await client.deployment.update({ deployment: 'shop', body: canary })
    const send = () => client.deployment.send({ deployment: 'shop', body: { method: 'GET' } })
    await world.until('updating', ({ instances }) => instances.ready === 2)
    for (let sent = 0; sent < 60; sent++) await send()
    const failed = await world.until('running', ({ rollout }) => rollout?.state === 'failed')
    expect(failed.rollout?.reason).toMatch(/% of its requests failed, and 5 % may/)
    expect(failed).toMatchObject({ revision: 2, serving: 1 })
    expect(await world.ask()).toEqual([200, 'none'])
  })

  test('a new revision that is too slow is taken back by itself', async () => {
    const { server, world } = await aWorld(make)
    const { client } = server
    const guard = { requests: 5, latencyMs: 1000 }
    await client.deployment.create({ body: { ...body, guard } })
    await world.until('running')
    await client.deployment.update({ deployment: 'shop', body: { env: { COLOR: 'slow' }, canaryPercent: 90 } })
    await world.until('updating', ({ instances }) => instances.ready === 2)
    const answers: Promise<[number, string]>[] = []
    await vi.waitFor(
      () => {
        answers.push(world.ask())
        expect(world.hits('slow')).toBeGreaterThanOrEqual(20)
      },
      { timeout: 20_000, interval: 5 },
    )
    server.clock.advance(1500)
    world.letGo()
    for (const [status] of await Promise.all(answers)) expect(status).toBe(200)
    const failed = await world.until('running', ({ rollout }) => rollout?.state === 'failed')
    expect(failed.rollout?.reason).toMatch(/p95 was \d{4} ms, and 1000 ms may be/)
    expect(failed).toMatchObject({ revision: 2, serving: 1 })
    expect(await world.ask()).toEqual([200, 'none'])
  })

  test('a shadow gets copies until it is promoted, and answers nobody before', async () => {
    const { server, world } = await aWorld(make)
    const { client } = server
    await client.deployment.create({ body: { ...body, env: { COLOR: 'red' } } })
    await world.until('running')
    await client.deployment.update({ deployment: 'shop', body: { env: { COLOR: 'green' }, shadow: true } })
    expect(await world.until('updating', ({ instances }) => instances.ready === 2)).toMatchObject({ shadow: true })
    const copies = async (count: number) => {
      const before = world.hits('green')
      await vi.waitFor(
        async () => {
          expect(await world.ask()).toEqual([200, 'red'])
          expect(world.hits('green')).toBeGreaterThanOrEqual(before + count)
        },
        { timeout: 20_000, interval: 5 },
      )
    }
    await copies(1)
    await copies(10)
    await client.deployment.promote({ deployment: 'shop' })
    await world.until('running', ({ serving }) => serving === 2)
    await vi.waitFor(async () => expect(await world.ask()).toEqual([200, 'green']), { timeout: 20_000 })
  })

  test('there are as many instances as the use of processors asks for', async () => {
    const { server, world } = await aWorld(make)
    // What runs on this engine uses half of its processors, and wavers.
    const autoscaling = { min: 1, max: 3, metric: 'cpu' as const, target: 5, cooldownSeconds: 1 }
    await server.client.deployment.create({ body: { ...body, autoscaling } })
    await world.until('running', ({ instances }) => instances.ready === 3)
    const less = { ...autoscaling, target: 1000 }
    await server.client.deployment.update({ deployment: 'shop', body: { autoscaling: less } })
    await world.until('running', ({ instances }) => instances.all === 1)
    const { items } = await server.client.event.list({ type: 'deployment.scaled', after: 0 })
    expect(items.map(({ data }) => data['to'])).toEqual(expect.arrayContaining([3, 1]))
  })

  test('people and programs reach it at an address of its own', async () => {
    const { server, world } = await aWorld(make)
    const { id } = await server.client.deployment.create({ body: { ...body, env: { COLOR: 'blue' } } })
    await world.until('running')
    const { url } = server.running()
    const headers = { host: `${id}.localhost`, authorization: `Bearer ${server.key}` }
    const [answer] = (await once(get(`${url}/page`, { headers, agent: false }), 'response')) as [IncomingMessage]
    expect([answer.statusCode, await text(answer)]).toEqual([200, 'blue'])
    const link = await server.client.deployment.open({ deployment: 'shop', body: {} })
    expect(link.address).toContain(`http://${id}.localhost`)
  })

  test('what cannot be is refused with what to do', async () => {
    const { client } = await startTestServer(make)
    const refused = (more: object) => expect(client.deployment.create({ body: { project: 'web', ...more } })).rejects
    await refused({}).toMatchObject({ code: 'bad_deployment' })
    await refused({ command: 'x', port: 8080, instances: 2 }).toMatchObject({ code: 'bad_deployment' })
    await refused({ command: 'x', auth: { kind: 'basic', username: 'me' } }).toMatchObject({ code: 'bad_deployment' })
    await refused({ command: 'x', autoscaling: { min: 3, max: 1, target: 1 } }).toMatchObject({
      code: 'bad_deployment',
    })
    await refused({ model: 'nowhere' }).toMatchObject({ code: 'not_found' })
    await refused({ command: 'x', env: { A: 'secret:NONE' } }).toMatchObject({ code: 'unknown_secret' })
    await client.deployment.create({ body: { ...body, start: false } })
    await refused({ ...body }).toMatchObject({ code: 'name_taken' })
  })
})

/** A server whose instances answer: for each task that the fake engine runs, a real one listens on its port. */
async function aWorld(make: MakeDatabase) {
  const server = await startTestServer(make)
  const listening = new Map<string, Server>()
  const held: (() => void)[] = []
  let holds = true
  const hits = new Map<string, number>()
  const answer = (color: string, response: ServerResponse) => {
    hits.set(color, (hits.get(color) ?? 0) + 1)
    response.statusCode = color === 'bad' ? 500 : 200
    if (color === 'slow' && holds) held.push(() => void response.end(color))
    else response.end(color)
  }
  onTestFinished(() => {
    for (const one of listening.values()) close(one)
  })
  const follow = async () => {
    const reports = await server.fake.list()
    const up = new Set(reports.filter(({ state }) => state === 'running').map(({ id }) => id))
    for (const [id, one] of listening) {
      if (up.has(id)) continue
      close(one)
      listening.delete(id)
    }
    for (const { id, env, command } of server.fake.specs) {
      if (!up.has(id) || listening.has(id) || command.includes('exit=')) continue
      const one = createServer((_, response) => answer(env['COLOR'] ?? 'none', response))
      one.listen(Number(env['PORT']), '127.0.0.1')
      await once(one, 'listening')
      listening.set(id, one)
    }
  }
  const world = {
    until: until(server, follow),
    ask: () => ask(server),
    /** Has instances that are slow give their answers. */
    letGo() {
      holds = false
      for (const release of held) release()
    },
    /** Requests that instances of a color got. */
    hits: (color: string) => hits.get(color) ?? 0,
  }
  return { server, world }
}

type Shown = Awaited<ReturnType<TestServer['client']['deployment']['show']>>

const until =
  (server: TestServer, follow: () => Promise<void>) =>
  (state: Shown['state'], and: (shown: Shown) => boolean = () => true): Promise<Shown> =>
    vi.waitFor(
      async () => {
        await server.running().deps.loop.idle()
        await follow()
        const found = await server.client.deployment.show({ deployment: 'shop' })
        if (found.state === state && and(found)) return found
        server.clock.advance(250)
        throw new Error(`it is ${found.state}: ${found.reason} ${JSON.stringify(found.rollout)}`)
      },
      { timeout: 60_000, interval: 5 },
    )

async function ask(server: TestServer): Promise<[number, string]> {
  const answer = await fetch(`${server.running().url}/serve/shop/`, { headers: { 'x-api-key': server.key } })
  const body = await answer.text()
  return [answer.status, answer.ok ? body : (JSON.parse(body) as { error: { code: string } }).error.code]
}

function close(server: Server): void {
  server.closeAllConnections()
  server.close()
}
