import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type HealthCheck, healthChecks } from '@nabla/api/deployment'
import { systemClock } from '../../lib/clock.ts'
import { judge, probe, unknownHealth } from './probe.ts'

const servers: Server[] = []
const sockets = new Set<Socket>()
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  for (const server of servers.splice(0)) server.close()
})

/** Where a server listens that does so with each connection. */
async function listening(server: Server): Promise<{ host: string; port: number }> {
  servers.push(server)
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

const check = (more: Partial<HealthCheck> = {}): HealthCheck => ({ ...healthChecks.parse({}).readiness, ...more })

describe('an instance is asked how it is', () => {
  test.each<[string, number, boolean]>([
    ['well', 200, true],
    ['well, elsewhere', 302, true],
    ['not well', 503, false],
    ['that it does not know', 404, false],
  ])('it says: %s', async (_, status, good) => {
    const address = await listening(createHttpServer((_request, response) => response.writeHead(status).end()))
    expect(await probe(address, check({ path: '/health' }), systemClock)).toBe(good)
  })

  test.each<[string, (socket: Socket) => void]>([
    ['takes a connection and says nothing', () => {}],
    ['hangs up', (socket) => socket.end()],
    ['breaks off in its head', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-')],
    ['speaks of something else', (socket) => socket.write('220 mail.example.com ESMTP\r\n')],
    ['never comes to the end of its head', (socket) => socket.write('HTTP/1.1 200 OK\r\nx-a: 1\r\n')],
  ])('one that %s is not well', async (_, answer) => {
    const address = await listening(createServer(answer))
    expect(await probe(address, check({ path: '/health', timeoutSeconds: 0.3 }), systemClock)).toBe(false)
    // Where there is no path, a connection is all that is asked for.
    expect(await probe(address, check({ path: null, timeoutSeconds: 5 }), systemClock)).toBe(true)
  })

  test('one that is well and never ends its answer does not keep us', async () => {
    const address = await listening(createHttpServer((_request, response) => response.writeHead(200).write('so far')))
    expect(await probe(address, check({ path: '/health' }), systemClock)).toBe(true)
  })

  test('one that is not there is not well', async () => {
    const { host, port } = await listening(createServer())
    await new Promise((resolve) => servers.pop()!.close(resolve))
    for (const path of [null, '/health']) expect(await probe({ host, port }, check({ path }), systemClock)).toBe(false)
  })
})

describe('what is made of its answers', () => {
  const checks = healthChecks.parse({ readiness: { failures: 3 }, liveness: { path: '/live', failures: 2 } })
  const after = (...answers: Parameters<typeof judge>[2][]) =>
    answers.reduce((health, answer) => judge(health, checks, answer), unknownHealth(true))

  test('one that says now this, now that stays as it is; several in a row count', () => {
    const [good, bad] = [{ readiness: true }, { readiness: false }]
    expect(after(bad, bad, good, bad, bad, good, bad, bad).isReady).toBe(true)
    expect(after(bad, bad, bad).isReady).toBe(false)
    expect(after(bad, bad, bad, good).isReady).toBe(true)
  })

  test('one that says that it is ready and is not alive is started again', () => {
    const lies = { readiness: true, liveness: false }
    expect(after(lies)).toMatchObject({ isReady: true, isDead: false })
    expect(after(lies, lies)).toMatchObject({ isDead: true })
  })
})
