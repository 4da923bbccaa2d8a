import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { AppError } from '../lib/app-error.ts'
import { TestClock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { aGateway, aRoute, aTarget, key, readers, until } from '../testing/gateway.ts'
import type { Gateway } from './gateway.ts'
import { openPlainDoor } from './plain-door.ts'

const head = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n\r\n`

describe.each(readers)('%s:', (reader) => {
  test('an answer waits for a client that does not read, and so does its target', async () => {
    const { gateway, open } = await aGateway(reader)
    const bytes = 32 * 2 ** 20
    const part = Buffer.alloc(2 ** 16, 'x')
    let written = 0
    const { target } = await aTarget('a', async (_, response) => {
      while (written < bytes) {
        written += part.length
        if (!response.write(part)) await once(response, 'drain')
      }
      response.end()
    })
    gateway.replace([aRoute({ targets: [target] })])
    const answer = await open('/serve/shop/')
    answer.pause()
    let before = -1
    await until(() => {
      const now = written
      const isStill = now === before
      before = now
      expect(isStill).toBe(true)
    })
    expect(written).toBeLessThan(bytes)
    let read = 0
    for await (const chunk of answer as AsyncIterable<Buffer>) read += chunk.length
    expect(read).toBe(bytes)
  })

  test('a target that falls silent in the midst of an answer is given up', async () => {
    const { gateway, open } = await aGateway(reader)
    const { target } = await aTarget('a', (_, response) => void response.write('first'))
    gateway.replace([aRoute({ targets: [target], idleMs: 100 })])
    await expect((await open('/serve/shop/')).toArray()).rejects.toThrow()
    await until(() => expect(gateway.outstanding('a')).toBe(0))
  })

  test('a server that ends finishes what is under way, and keeps no connection', async () => {
    const { gateway, server, url } = await aGateway(reader)
    let release = () => {}
    const { target } = await aTarget('a', (_, response) => {
      release = () => response.end('end')
      response.write('begin ')
    })
    gateway.replace([aRoute({ targets: [target] })])
    const port = Number(new URL(url).port)
    const [busy, idle] = [await client(port), await client(port)]
    busy.socket.write(head('/serve/shop/'))
    await until(() => expect(busy.text()).toContain('begin'))
    server.keepAliveTimeout = 1
    const closed = once(server, 'close')
    server.close()
    server.closeIdleConnections()
    release()
    await busy.closed
    expect(busy.text()).toMatch(/end\r\n0\r\n\r\n$/)
    idle.socket.destroy()
    await closed
  })

  test('a server that closes all connections breaks off what is under way', async () => {
    const { gateway, server, url } = await aGateway(reader)
    const { target } = await aTarget('a', (_, response) => void response.write('begin '))
    gateway.replace([aRoute({ targets: [target] })])
    const one = await client(Number(new URL(url).port))
    one.socket.write(head('/serve/shop/'))
    await until(() => expect(one.text()).toContain('begin'))
    server.closeAllConnections()
    await one.closed
    await until(() => expect(gateway.outstanding('a')).toBe(0))
  })
})

test('requests beyond the connections that a target may have wait for one', async () => {
  const { gateway, ask } = await aGateway(readers[0]!)
  const held: (() => void)[] = []
  let under = 0
  let most = 0
  const { target } = await aTarget('a', (_, response) => {
    most = Math.max(most, ++under)
    held.push(() => {
      under -= 1
      response.end('ok')
    })
  })
  gateway.replace([aRoute({ targets: [target], queue: 1000 })])
  const count = limits.gatewayConnections + 20
  const answers = Promise.all(Array.from({ length: count }, () => ask('/serve/shop/')))
  await until(() => expect(held.length).toBe(limits.gatewayConnections))
  for (const release of held.splice(0)) release()
  await until(() => expect(held.length).toBe(20))
  for (const release of held.splice(0)) release()
  expect((await answers).filter(({ body }) => body === 'ok')).toHaveLength(count)
  expect(most).toBe(limits.gatewayConnections)
})

test('what is not for the gateway is left to Node with its connection, from the first byte on', async () => {
  const { url, byNode, gateway } = await aGateway(readers[0]!)
  const { target } = await aTarget('a', (_, response) => response.end('ok'))
  gateway.replace([aRoute({ targets: [target] })])
  const one = await client(Number(new URL(url).port))
  one.socket.write(head('/serve/shop/1') + head('/elsewhere') + head('/serve/shop/2'))
  await until(() => expect(byNode).toEqual(['GET /elsewhere', 'GET /serve/shop/2']))
})

test('clients that send nothing, or not all, are closed after a while', async () => {
  const clock = new TestClock()
  const served: IncomingMessage[] = []
  const server = createServer((request) => served.push(request))
  const gateway = { claims: () => true, serve() {} }
  openPlainDoor(server, gateway, { clock, bounds: limits, isOurs: () => true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const sockets: Socket[] = []
  server.on('connection', (socket) => sockets.push(socket))
  const { port } = server.address() as AddressInfo
  const [silent, half] = [await client(port), await client(port)]
  half.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf')
  await until(() => expect(sockets).toHaveLength(2))
  await until(() => expect(Math.max(...sockets.map(({ bytesRead }) => bytesRead))).toBeGreaterThan(50))
  clock.advance(limits.headersMs + limits.headersCheckMs)
  await silent.closed
  expect(half.socket.readyState).toBe('open')
  clock.advance(limits.idleMs)
  await half.closed
  expect(served).toEqual([])
})

test('a client that reads the last answer slowly gets all of it', async () => {
  const clock = new TestClock()
  const bytes = 32 * 2 ** 20
  const server = createServer()
  const gateway: Pick<Gateway, 'claims' | 'serve'> = {
    claims: () => true,
    serve: (caller) => {
      const socket = caller.request.socket as Socket
      socket.write(Buffer.alloc(bytes, 'x'))
      caller.refuse(new AppError('not_served'), 'id')
    },
  }
  openPlainDoor(server, gateway, { clock, bounds: limits, isOurs: () => true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  let far: Socket | undefined
  server.on('connection', (socket) => (far = socket))
  const one = await client((server.address() as AddressInfo).port)
  one.socket.pause()
  one.socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  await until(() => expect(far?.writableLength).toBeGreaterThan(0))
  clock.advance(limits.lingerMs + limits.headersCheckMs)
  server.closeIdleConnections()
  one.socket.resume()
  await one.closed
  expect(one.text().length).toBeGreaterThan(bytes)
  expect(one.text()).toMatch(/"not_served"/)
})

async function client(port: number) {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let got = ''
  socket.on('data', (bytes) => (got += bytes.toString('latin1')))
  socket.on('error', () => socket.destroy())
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await once(socket, 'connect')
  return { socket, closed, text: () => got }
}
