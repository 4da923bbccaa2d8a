import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { aGateway, aRoute, aTarget, key, type Reader, readers, until } from '../testing/gateway.ts'
import type { Target } from './route.ts'

const plain = readers[0]!
const authorization = `Authorization: Bearer ${key}\r\n`
const headOf = (path: string, more = '', method = 'GET') =>
  `${method} /serve/shop${path} HTTP/1.1\r\nHost: localhost\r\n${authorization}${more}\r\n`

describe.each(readers)('%s:', (reader) => {
  const hidden = headOf('/hidden')
  const long = `Content-Length: ${hidden.length + 5}\r\n`

  test.each([
    ['a length and chunks', headOf('/', `${long}Transfer-Encoding: chunked\r\n`, 'POST') + `0\r\n\r\n${hidden}`],
    ['two lengths', headOf('/', `Content-Length: 0\r\n${long}`, 'POST') + hidden],
    ['a length that is none', headOf('/', `Content-Length: +0\r\n`, 'POST') + hidden],
    ['a coding that is none', headOf('/', `${long}Transfer-Encoding: xchunked\r\n`, 'POST') + `0\r\n\r\n${hidden}`],
    ['a space before a colon', headOf('/', `Content-Length : ${hidden.length}\r\n`, 'POST') + hidden],
    ['a line that goes on', headOf('/', `X: y\r\n Content-Length: ${hidden.length}\r\n`, 'POST') + hidden],
    ['a bare LF', headOf('/', `X: y\nContent-Length: ${hidden.length}\r\n`, 'POST') + hidden],
    ['a bare CR', headOf('/', `X: y\rContent-Length: ${hidden.length}\r\n`, 'POST') + hidden],
    ['NUL', headOf('/', `X: y\0\r\nContent-Length: ${hidden.length}\r\n`, 'POST') + hidden],
    ['a huge head', headOf('/', `X: ${'y'.repeat(70_000)}\r\n`) + hidden],
  ])('a request with %s brings no other with it', async (_, text) => {
    const { gateway, send } = await raw(reader)
    const seen: string[] = []
    const { target } = await aTarget('a', (request, response) => {
      seen.push(request.url ?? '')
      request.resume()
      response.end('ok')
    })
    gateway.replace([aRoute({ targets: [target] })])
    const client = await send(text)
    await client.closed
    // The connection may be reset before the refusal is read.
    expect(client.text()).toMatch(/^(HTTP\/1\.1 4(00|31) |$)/)
    expect(client.text()).not.toContain('200 OK')
    expect(seen).toEqual([])
  })

  test('requests one behind the other are answered in order, those that are not plain too', async () => {
    const { gateway, send, byNode } = await raw(reader)
    const { target } = await aTarget('a', async (request, response) => {
      let body = ''
      for await (const chunk of request) body += String(chunk)
      response.end(`[${request.method} ${request.url} ${body}]`)
    })
    gateway.replace([aRoute({ targets: [target] })])
    const chunked = headOf('/3', 'Transfer-Encoding: chunked\r\n', 'POST')
    const texts = [
      headOf('/1'),
      `${headOf('/2', 'Content-Length: 3\r\n', 'POST')}two`,
      `${chunked}3\r\nthr\r\n2\r\nee\r\n0\r\n\r\n`,
      headOf('/4'),
    ]
    const answers = ['[GET /1 ]', '[POST /2 two]', '[POST /3 three]', '[GET /4 ]']
    for (const pieces of [[texts.join('')], texts.join('').split('')]) {
      const client = await send('')
      for (const piece of pieces) client.socket.write(piece)
      await until(() => expect(client.text().match(/\[[^\]]*\]/g)).toEqual(answers))
      client.socket.destroy()
    }
    if (reader === plain) expect(byNode.slice(0, 2)).toEqual(['POST /serve/shop/3', 'GET /serve/shop/4'])
  })

  test('what is said of a connection stays on it, in both directions', async () => {
    const { gateway, send } = await raw(reader)
    const target = await aRawTarget((socket) =>
      socket.write(
        'HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: a\r\n' +
          'Upgrade: h2c\r\nTrailer: x\r\nX-End: 1\r\nContent-Length: 2\r\n\r\nok',
      ),
    )
    gateway.replace([aRoute({ targets: [target.at] })])
    const more = 'Connection: keep-alive, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nX-Mine: 1\r\n'
    const client = await send(headOf('/', more))
    await until(() => expect(client.text()).toMatch(/ok$/))
    const plainClient = await send(headOf('/', 'Connection: keep-alive\r\nKeep-Alive: 5\r\nX-Mine: 1\r\n'))
    await until(() => expect(plainClient.text()).toMatch(/ok$/))
    for (const asked of target.asked()) {
      expect(asked).not.toMatch(/^(x-secret|te|keep-alive):/im)
      expect(asked).toMatch(/^x-mine: 1\r$/im)
    }
    for (const text of [client.text(), plainClient.text()]) {
      expect(text).not.toMatch(/^(x-hop|proxy-authenticate|upgrade|trailer):|timeout=9/im)
      expect(text).toMatch(/^x-end: 1\r$/im)
    }
  })

  test.each([
    [
      'that is longer than it says',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
    ],
    [
      'in chunks with something behind it',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
    ],
    ['after which nothing more is taken', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['of an older version', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ])('an answer %s is the last of its connection, and of nobody else', async (_, answer) => {
    const { gateway, ask } = await raw(reader)
    const target = await aRawTarget((socket) => socket.write(answer))
    gateway.replace([aRoute({ targets: [target.at] })])
    for (let times = 0; times < 3; times++) expect(await ask('/serve/shop/')).toMatchObject({ status: 200, body: 'ok' })
    expect(target.connections()).toBe(3)
  })

  test('what comes without being asked for is no answer', async () => {
    const { gateway, ask } = await raw(reader)
    const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    const target = await aRawTarget((socket) => socket.write(ok))
    gateway.replace([aRoute({ targets: [target.at] })])
    expect((await ask('/serve/shop/')).body).toBe('ok')
    const [spare] = target.sockets
    spare!.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
    await once(spare!, 'close')
    expect((await ask('/serve/shop/')).body).toBe('ok')
    expect(target.connections()).toBe(2)
  })

  test.each([
    [
      'with a length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    ],
    ['with two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\nok'],
    ['that switches protocols', 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
    ['that is none', 'SSH-2.0-OpenSSH_9\r\n\r\n\r\n'],
    ['with a huge head', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`],
  ])('an answer %s is broken', async (_, answer) => {
    const { gateway, ask } = await raw(reader)
    const target = await aRawTarget((socket) => socket.write(answer))
    gateway.replace([aRoute({ targets: [target.at] })])
    expect(await ask('/serve/shop/', { body: 'x' })).toMatchObject({ status: 502, code: 'serving_failed' })
  })

  test('chunks that break off or are broken break the answer off', async () => {
    const { gateway, open } = await raw(reader)
    const target = await aRawTarget((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n'),
    )
    gateway.replace([aRoute({ targets: [target.at] })])
    for (const more of ['zz\r\nmore', '5\r\nmore']) {
      const stream = await open('/serve/shop/')
      expect(String((await once(stream, 'data'))[0])).toBe('first')
      target.sockets.at(-1)!.end(more)
      await expect(stream.toArray()).rejects.toThrow()
    }
  })

  test('an answer without a length ends with its connection, after whatever comes before the answer', async () => {
    const { gateway, ask } = await raw(reader)
    const target = await aRawTarget((socket) =>
      socket.end(
        'HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Going on\r\n\r\nHTTP/1.0 203 Fine\r\nX: y\r\n\r\nwhole',
      ),
    )
    gateway.replace([aRoute({ targets: [target.at] })])
    expect(await ask('/serve/shop/')).toMatchObject({ status: 203, body: 'whole', headers: { x: 'y' } })
  })

  test('a client that goes leaves nothing behind for the next', async () => {
    const { gateway, send, ask } = await raw(reader)
    let answers = 0
    const target = await aRawTarget((socket) => {
      answers += 1
      if (answers === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
    gateway.replace([aRoute({ targets: [target.at] })])
    const client = await send(headOf('/'))
    await until(() => expect(client.text()).toMatch(/half$/))
    const [first] = target.sockets
    client.socket.destroy()
    await once(first!, 'close')
    await until(() => expect(gateway.outstanding('raw')).toBe(0))
    for (let times = 0; times < 3; times++) expect((await ask('/serve/shop/')).body).toBe('ok')
    expect(target.connections()).toBe(2)
  })

  test('half a body is no request, and the rest of one that is refused is none either', async () => {
    const { gateway, send, ask } = await raw(reader)
    const seen: string[] = []
    const { target } = await aTarget('a', (request, response) => {
      seen.push(request.url ?? '')
      response.end('ok')
    })
    gateway.replace([aRoute({ targets: [target], bodyBytes: 1000 })])
    const half = await send(`${headOf('/half', 'Content-Length: 10\r\n', 'POST')}12345`)
    half.socket.end()
    await half.closed
    const tooLong = await send(headOf('/long', 'Content-Length: 2000\r\n', 'POST'))
    await until(() => expect(tooLong.text()).toMatch(/^HTTP\/1\.1 413 /))
    expect(tooLong.text()).toMatch(/connection: close/i)
    tooLong.socket.write(headOf('/hidden'))
    tooLong.socket.end()
    await tooLong.closed
    expect((await ask('/serve/shop/last')).body).toBe('ok')
    expect(seen).toEqual(['/last'])
  })

  test('what has no body has none', async () => {
    const { gateway, send } = await raw(reader)
    const { target } = await aTarget('a', (request, response) => {
      if (request.url === '/none') response.writeHead(204)
      else response.setHeader('content-length', 7)
      response.end(request.method === 'HEAD' || request.url === '/none' ? undefined : 'content')
    })
    gateway.replace([aRoute({ targets: [target] })])
    const client = await send(headOf('/', '', 'HEAD') + headOf('/none') + headOf('/', 'Connection: close\r\n'))
    await client.closed
    const [first, second, third, ...others] = client.text().split(/(?=HTTP\/1\.1 )/)
    expect(first).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*content-length: 7\r\n[^]*\r\n\r\n$/i)
    expect(second).toMatch(/^HTTP\/1\.1 204 No Content\r\n[^]*\r\n\r\n$/)
    expect(second).not.toMatch(/content-length|transfer-encoding/i)
    expect(third).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n[^]*\r\ncontent$/i)
    expect(others).toEqual([])
  })
})

interface RawTarget {
  at: Target
  sockets: Socket[]
  connections(): number
  /** Heads of the requests that came. */
  asked(): string[]
}

/** Something that listens and writes what it likes, once for each head that comes. */
async function aRawTarget(answer: (socket: Socket) => void): Promise<RawTarget> {
  const sockets: Socket[] = []
  const heads: string[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    let got = ''
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes) => {
      got += String(bytes)
      const end = got.indexOf('\r\n\r\n')
      if (end === -1) return
      heads.push(got.slice(0, end + 2))
      got = ''
      answer(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const at = { id: 'raw', host: '127.0.0.1', port, revision: 1 }
  return { at, sockets, connections: () => sockets.length, asked: () => heads }
}

/** A gateway, and a way to send it bytes as they are. */
async function raw(reader: Reader) {
  const all = await aGateway(reader)
  const send = async (text: string) => {
    const socket = connect(Number(new URL(all.url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    let got = ''
    socket.on('data', (bytes) => (got += bytes.toString('latin1')))
    socket.on('error', () => socket.destroy())
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await once(socket, 'connect')
    socket.write(text, 'latin1')
    return { socket, closed, text: () => got }
  }
  return { ...all, send }
}
