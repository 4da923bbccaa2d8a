import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { systemClock } from '../../lib/clock.ts'
import { Relay, relayUrl } from './relay.ts'

const unshare = ['--user', '--map-root-user', '--net']
/** Asks once for each line that it reads, and says what it was answered. */
const asker = `
import sys, urllib.request
for line in sys.stdin:
    try:
        print(urllib.request.urlopen("${relayUrl}", None, 20).read().decode(), flush=True)
    except OSError:
        print("refused", flush=True)
`

function lacksNamespaces(): boolean {
  try {
    execFileSync('unshare', [...unshare, 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' })
    return false
  } catch {
    return true
  }
}

const title = 'the way of tasks to the server, from networks that another user namespace owns'
describe.skipIf(lacksNamespaces())(`${title} (skipped where the kernel refuses these)`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-relay-'))
  let server: Server
  let port: number
  let relay: Relay
  const children: ChildProcess[] = []
  beforeAll(async () => {
    // Whoever asks is told the address that he comes from.
    server = createServer((request, response) => response.end(`hello ${request.socket.remoteAddress}`))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })
  beforeEach(() => {
    relay = new Relay('python3', process.env['PATH'] ?? '', join(folder, 'relay.log'), systemClock)
  })
  afterEach(() => {
    relay.end()
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })
  afterAll(() => {
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** A process in a network of its own that asks when it is told to. */
  async function task(): Promise<{ pid: number; ask: () => Promise<string> }> {
    const words = [...unshare, 'sh', '-c', 'ip link set lo up; echo ready; exec python3 -u -c "$1"', 'sh', asker]
    const child = spawn('unshare', words, { stdio: ['pipe', 'pipe', 'ignore'] })
    children.push(child)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    expect((await lines.next()).value).toBe('ready')
    return {
      pid: child.pid ?? 0,
      async ask() {
        child.stdin.write('\n')
        return ((await lines.next()) as { value: string }).value
      },
    }
  }

  const helperOf = (): number | undefined =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .find((pid) => {
        try {
          const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
          return Number(parent) === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('relay.py')
        } catch {
          return false
        }
      })

  test('is there once it was opened, tells tasks apart, and is gone once it was closed', async () => {
    const [one, two] = [await task(), await task()]
    expect(await relay.open('one', one.pid)).toBe(false)
    expect(await one.ask()).toBe('refused')
    relay.target = port
    expect(await relay.open('one', one.pid)).toBe(true)
    expect(await relay.open('two', two.pid)).toBe(true)
    expect(await relay.open('one', one.pid)).toBe(true)
    const answers = [await one.ask(), await two.ask()]
    expect(answers).toEqual([
      expect.stringMatching(/^hello 127\.64\.0\.\d+$/),
      expect.stringMatching(/^hello 127\.64\.0\.\d+$/),
    ])
    expect(new Set(answers).size).toBe(2)
    relay.close('one')
    await expect.poll(() => one.ask(), { timeout: 20_000 }).toBe('refused')
    expect(await two.ask()).toBe(answers[1])
  }, 60_000)

  test('is opened again when its program has died', async () => {
    const one = await task()
    relay.target = port
    expect(await relay.open('one', one.pid)).toBe(true)
    const before = helperOf()
    process.kill(before ?? 0, 'SIGKILL')
    await expect.poll(() => one.ask(), { timeout: 20_000 }).toMatch(/^hello/)
    expect(helperOf()).not.toBe(before)
  }, 60_000)

  test('is not to be had for what is in the network of the machine, or has gone', async () => {
    relay.target = port
    expect(await relay.open('ours', process.pid)).toBe(false)
    const one = await task()
    const gone = once(children[0]!, 'exit')
    children[0]?.kill('SIGKILL')
    await gone
    expect(await relay.open('gone', one.pid)).toBe(false)
  }, 60_000)
})
