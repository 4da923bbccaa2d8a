import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { lacks } from './daemon.ts'

/** For tests: a registry of their own on this machine, to which only one user may push, and from which only he may pull. */
export interface TestRegistry {
  /** Where it is: `127.0.0.1:5000`. */
  readonly address: string
  start(): Promise<void>
  stop(): Promise<void>
  close(): Promise<void>
}

export const registryLogin = { username: 'ada', password: 'lovelace-1815' }

export const missingRegistry = lacks('docker-registry apache2-utils', ['docker-registry', 'htpasswd'])

const pollMs = 50
const readyMs = 15_000

export async function makeTestRegistry(): Promise<TestRegistry> {
  const base = mkdtempSync(join(tmpdir(), 'nabla-registry-'))
  const address = `127.0.0.1:${await freePort()}`
  const { username, password } = registryLogin
  const users = execFileSync('htpasswd', ['-Bbn', username, password], { encoding: 'utf8' })
  writeFileSync(join(base, 'htpasswd'), users)
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(base, 'data') } },
    http: { addr: address },
    auth: { htpasswd: { realm: 'test', path: join(base, 'htpasswd') } },
  }
  // Every JSON is YAML.
  writeFileSync(join(base, 'config.yml'), JSON.stringify(config))
  let stop = async () => {}
  const registry: TestRegistry = {
    address,
    async start() {
      const child = spawn('docker-registry', ['serve', join(base, 'config.yml')], { stdio: 'ignore' })
      stop = () =>
        new Promise((resolve) => {
          child.once('exit', () => resolve())
          child.kill('SIGKILL')
        })
      for (let waitedMs = 0; ; waitedMs += pollMs) {
        if (
          await fetch(`http://${address}/v2/`).then(
            () => true,
            () => false,
          )
        )
          return
        if (waitedMs > readyMs) throw new Error('the registry does not start')
        await new Promise((resolve) => setTimeout(resolve, pollMs))
      }
    },
    async stop() {
      await stop()
      stop = async () => {}
    },
    async close() {
      await stop()
      rmSync(base, { recursive: true, force: true })
    },
  }
  await registry.start()
  return registry
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
