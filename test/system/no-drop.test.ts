import { once } from 'node:events'
import { expect, test } from 'vitest'
import { startGatewayProcess } from './support/gateway-process.ts'
import { type ServerProcess, startServerProcess, until } from './support/server-process.ts'
import { startTraffic, trafficApp } from './support/traffic.ts'

/** `NABLA_NO_DROP=full` is the size that is promised, and takes minutes; a smaller one tells of mistakes as well. */
const full = process.env['NABLA_NO_DROP'] === 'full'
const size = full
  ? { perSecond: 1000, streams: 100, changes: 50, burst: 500, events: 30 }
  : { perSecond: 50, streams: 5, changes: 4, burst: 50, events: 5 }

const name = 'traffic'
const told = `${size.perSecond} requests each second, ${size.streams} streams, ${size.changes} changes`
const timeout = full ? 3_000_000 : 300_000

test.runIf(full)(`through the server no request is lost: ${told}`, { timeout }, async () => {
  const server = await serve()
  await changesWhile(server, server.url, [roll, scaleDown, killInstance])
  await wakesForAll(server, server.url)
})

test(`through gateways of their own no request is lost, without the server too: ${told}`, { timeout }, async () => {
  const server = await serve()
  const { child, port, url } = await startGatewayProcess(server)
  await startGatewayProcess(server, port)
  await changesWhile(server, url, [roll, killServer, scaleDown, killInstance])
  await wakesForAll(server, url)
  const { series } = await server.client.deployment.metrics({ deployment: name, series: 'requestRate' })
  expect(Math.max(...series.map(({ max }) => max))).toBeGreaterThan(size.perSecond / 10)
  // Whoever listens on the same port goes on.
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
  expect((await send(server, url, 'echo?1')).status).toBe(200)
})

async function serve(): Promise<ServerProcess> {
  const machineTypes = [{ name: 'tiny', cpus: 0.5, memoryBytes: 128 * 2 ** 20 }]
  const server = await startServerProcess({ settings: { machineTypes, cpuOvercommit: 8 } })
  await server.client.deployment.create({
    body: {
      name,
      project: 'web',
      command: 'exec python3 -c "$APP"',
      env: envOf(0),
      machineType: 'tiny',
      instances: 2,
      healthChecks: { readiness: { periodSeconds: 0.5 } },
      bounds: { queue: 2000 },
    },
  })
  await settled(server)
  return server
}

type Change = (server: ServerProcess, url: string, round: number) => Promise<string | void>

/** Makes one change after the other, each answering with the instance that it killed, if it did. */
async function changesWhile(server: ServerProcess, url: string, changes: readonly Change[]): Promise<void> {
  const traffic = startTraffic({ url: `${url}/serve/${name}/`, key: server.key, ...size })
  const killed = new Set<string>()
  for (let round = 1; round <= size.changes; round++) {
    const instance = await changes[(round - 1) % changes.length]!(server, url, round)
    if (instance) killed.add(instance)
    const { broken, ...seen } = traffic.seen
    if (full) process.stderr.write(`${round}: ${JSON.stringify(seen)}, ${broken.length} streams broken\n`)
  }
  const seen = await traffic.stop()
  expect(seen.failures).toEqual([])
  // What a process had not said when it was killed nobody can say for it.
  expect(seen.broken.filter((instance) => !killed.has(instance))).toEqual([])
  expect(seen.answered).toBe(seen.sent)
  expect(seen.streamed).toBeGreaterThan(size.streams)
}

const envOf = (round: number) => ({ APP: trafficApp, EVENTS: String(size.events), ROUND: String(round) })

const roll: Change = async (server, _, round) => {
  await server.client.deployment.update({ deployment: name, body: { env: envOf(round) } })
  await settled(server)
}

const scaleDown: Change = async (server) => {
  await server.client.deployment.scale({ deployment: name, body: { instances: 3 } })
  await settled(server)
  await server.client.deployment.scale({ deployment: name, body: { instances: 2 } })
  // The third has finished its streams, and is gone.
  await until(async () => {
    const { instances } = await server.client.deployment.show({ deployment: name })
    expect(instances.all).toBe(2)
  })
}

/** It ends as with SIGKILL, in the midst of what it answers. Answers with its name. */
const killInstance: Change = async (server, url) => {
  const { items: before } = await server.client.deployment.instances({ deployment: name })
  const instance = await (await send(server, url, 'die')).text()
  const restarts = before.find((one) => one.name === instance)!.restarts + 1
  await until(async () => {
    const { items } = await server.client.deployment.instances({ deployment: name })
    expect(items.find((one) => one.name === instance)).toMatchObject({ state: 'ready', restarts })
  })
  return instance
}

const killServer: Change = async (server, url) => {
  await server.kill()
  expect((await send(server, url, 'echo?1')).status).toBe(200)
  await server.start()
}

/** None is there, and so many requests come at once. */
async function wakesForAll(server: ServerProcess, url: string): Promise<void> {
  const autoscaling = { min: 0, max: 1, target: 1000, idleSeconds: 1, cooldownSeconds: 1 }
  await server.client.deployment.update({ deployment: name, body: { autoscaling } })
  await until(async () => {
    const { state, instances } = await server.client.deployment.show({ deployment: name })
    expect({ state, ready: instances.ready }).toEqual({ state: 'sleeping', ready: 0 })
  })
  const answers = await Promise.all(
    Array.from({ length: size.burst }, async (_, at) => {
      const answer = await send(server, url, `echo?${at}`)
      return `${answer.status} ${await answer.text()}`
    }),
  )
  expect(answers).toEqual(answers.map((_, at) => `200 GET ${at}`))
}

const send = (server: ServerProcess, url: string, path: string): Promise<Response> =>
  fetch(`${url}/serve/${name}/${path}`, { headers: { authorization: `Bearer ${server.key}` } })

const settled = (server: ServerProcess) =>
  until(async () => {
    const { state, rollout } = await server.client.deployment.wait({ deployment: name, seconds: 5 })
    expect({ state, rollout }).toEqual({ state: 'running', rollout: null })
  })
