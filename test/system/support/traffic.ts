import { Agent, type IncomingMessage, request } from 'node:http'

/** What is to be sent, and where. */
export interface Asked {
  /** With a closing slash. */
  url: string
  key: string
  perSecond: number
  /** Answers of several seconds that are under way all the time. */
  streams: number
}

export interface Seen {
  sent: number
  answered: number
  /** What went wrong with requests, in words. */
  failures: string[]
  /** Long answers that came to their end, and those that broke off, with the instance that sent them. */
  streamed: number
  broken: string[]
  slowestMs: number
}

/** Answers within this time, or has failed. */
const mostMs = 60_000

/**
 * Sends requests at a steady pace, whether or not the ones before were answered, on connections that are kept: reads,
 * and writes that may be repeated. Beside them go long answers, each followed by the next. The program that answers
 * is `trafficApp`.
 */
export function startTraffic({ url, key, perSecond, streams }: Asked) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64, scheduling: 'fifo' })
  const streamAgent = new Agent({ keepAlive: true, maxSockets: streams + 1 })
  const seen: Seen = { sent: 0, answered: 0, failures: [], streamed: 0, broken: [], slowestMs: 0 }
  const under = new Set<Promise<void>>()
  let going = true
  const track = (work: Promise<void>) => {
    under.add(work)
    void work.finally(() => under.delete(work))
  }

  const one = async (at: number) => {
    const began = performance.now()
    const body = at % 2 === 0 ? undefined : `request ${at}`
    const headers = { authorization: `Bearer ${key}`, ...(body && { 'idempotency-key': `k${at}` }) }
    try {
      const answer = await ask(`${url}echo?${at}`, { agent, headers, body })
      const text = await textOf(answer)
      if (answer.statusCode === 200 && text === (body ?? `GET ${at}`)) seen.answered += 1
      else seen.failures.push(`${answer.statusCode}: ${text.slice(0, 200)}`)
    } catch (error) {
      seen.failures.push(String(error))
    }
    seen.slowestMs = Math.max(seen.slowestMs, performance.now() - began)
  }

  const stream = async () => {
    while (going) {
      let instance = 'none'
      try {
        const answer = await ask(`${url}stream`, { agent: streamAgent, headers: { authorization: `Bearer ${key}` } })
        instance = String(answer.headers['x-instance'])
        const text = await textOf(answer)
        if (answer.statusCode !== 200 || !text.endsWith('end\n')) throw new Error(`${answer.statusCode}: ${text}`)
        seen.streamed += 1
      } catch {
        seen.broken.push(instance)
      }
    }
  }

  const startedAt = performance.now()
  const timer = setInterval(() => {
    const due = ((performance.now() - startedAt) / 1000) * perSecond
    while (seen.sent < due) track(one(seen.sent++))
  }, 5)
  for (let at = 0; at < streams; at++) track(stream())
  return {
    seen,
    /** Sends nothing more, and waits for what is under way. */
    async stop(): Promise<Seen> {
      going = false
      clearInterval(timer)
      await Promise.all(under)
      agent.destroy()
      streamAgent.destroy()
      return seen
    },
  }
}

interface How {
  agent: Agent
  headers: Record<string, string>
  body?: string | undefined
}

function ask(url: string, { agent, headers, body }: How): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const method = body === undefined ? 'GET' : 'POST'
    const sent = request(url, { agent, method, headers: { ...headers, ...length }, timeout: mostMs })
    sent.once('response', resolve)
    sent.once('timeout', () => sent.destroy(new Error(`no answer within ${mostMs} ms`)))
    sent.once('error', reject)
    sent.end(body)
  })
}

function textOf(answer: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    answer.on('data', (chunk: Buffer) => chunks.push(chunk))
    answer.once('error', reject)
    answer.once('end', () => resolve(Buffer.concat(chunks).toString()))
  })
}

/**
 * Echoes at `/echo`, streams for some seconds at `/stream`, and at `/die` ends without a word, a moment after it has said
 * which instance it is. In Python without packages, and quick: it parses no more than it has to.
 */
export const trafficApp = `
import asyncio, os
name = os.environ['NABLA_INSTANCE_NAME'].encode()
class App(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.data = transport, b''
    def data_received(self, data):
        self.data += data
        while True:
            head, found, rest = self.data.partition(b'\\r\\n\\r\\n')
            if not found:
                return
            length = 0
            for line in head.split(b'\\r\\n')[1:]:
                if line[:15].lower() == b'content-length:':
                    length = int(line[15:])
            if len(rest) < length:
                return
            body, self.data = rest[:length], rest[length:]
            self.answer(head.split(b' ', 2)[1], body)
    def answer(self, path, body):
        if path == b'/stream':
            asyncio.get_running_loop().create_task(self.stream())
            return
        if path == b'/die':
            body = name
            asyncio.get_running_loop().call_later(0.02, os._exit, 9)
        text = body or b'GET ' + path.partition(b'?')[2]
        self.transport.write(b'HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n%s' % (len(text), text))
    async def stream(self):
        self.transport.write(b'HTTP/1.1 200 OK\\r\\ntransfer-encoding: chunked\\r\\nx-instance: ' + name + b'\\r\\n\\r\\n')
        for at in range(int(os.environ['EVENTS'])):
            self.transport.write(b'6\\r\\nevent\\n\\r\\n')
            await asyncio.sleep(0.2)
        self.transport.write(b'4\\r\\nend\\n\\r\\n0\\r\\n\\r\\n')
async def main():
    server = await asyncio.get_running_loop().create_server(App, '127.0.0.1', int(os.environ['PORT']), backlog=1000)
    await server.serve_forever()
asyncio.run(main())
`
