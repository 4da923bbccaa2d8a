import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const missing = whatIsMissing()

describe.skipIf(missing !== null)(missing ?? 'the program that starts commands on other nodes', () => {
  let folder: string
  let waiting: ChildProcess
  let port: number

  /** A node as another one sees it: the program, the key, and where everybody is. */
  const node = (name: string, key: Buffer): string => {
    const place = join(folder, name)
    mkdirSync(place)
    copyFileSync(fileURLToPath(new URL('launch.py', import.meta.url)), join(place, 'launch'))
    writeFileSync(join(place, 'key'), key)
    writeFileSync(join(place, 'nodes'), `${hostname()} ${port}\n`)
    return place
  }
  const launch = (place: string, ...words: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const env = { ...process.env, NABLA_START_LIMIT: '30' }
      execFile('python3', [join(place, 'launch'), ...words], { env }, (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr }),
      )
    })
  const key = randomBytes(32)

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nabla-launch-'))
    port = await freePort()
    waiting = spawn('python3', [join(node('server', key), 'launch'), 'serve'], { stdio: 'ignore' })
  })
  afterAll(() => {
    waiting.kill()
    rmSync(folder, { recursive: true, force: true })
  })

  test('runs a line of a shell there, with both outputs and its exit code', async () => {
    const ran = await launch(node('client', key), hostname(), 'echo', 'out;', 'echo err >&2;', 'exit 7')
    expect(ran).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' })
  })

  test('runs nothing for whoever has not the key', async () => {
    const made = join(folder, 'made')
    const ran = await launch(node('stranger', randomBytes(32)), hostname(), `touch ${made}`)
    expect(ran.code).not.toBe(0)
    expect(() => execFileSync('test', ['-e', made])).toThrow()
  })

  test('says so when there is no such node', async () => {
    const ran = await launch(node('lost', key), 'nowhere', 'true')
    expect(ran).toMatchObject({ code: 1, stderr: 'launch: there is no node nowhere in this gang.\n' })
  })
})

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

function whatIsMissing(): string | null {
  try {
    execFileSync('python3', ['-c', 'import socket; socket.create_server((socket.gethostname(), 0))'], {
      stdio: 'ignore',
    })
    return null
  } catch {
    return 'python3 is not there, or cannot listen at the name of this machine'
  }
}
