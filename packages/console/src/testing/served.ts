import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from '@nabla/api/client'
import { type RunningServer, startServer } from '@nabla/server'
import { loadConfig } from '@nabla/server/config'
import pino from 'pino'
import type { BrowserContext } from 'playwright-core'
import { buildConsole } from '../../../../tools/build-console.ts'
import { fakeMachineTypes, seed } from '../../../../tools/seed.ts'

/** The real server, in this process, with the fake engine; it serves the console as it is built now. */
export interface Served {
  url: string
  key: string
  client: Client
  server: RunningServer
  /** Gives a window the cookie of a new session. */
  signIn(context: BrowserContext): Promise<void>
  /** Stops it and starts it again at the same address, with the same data. What is on its fake engine is gone. */
  restart(): Promise<void>
  close(): Promise<void>
}

/**
 * Starts one on a free port, with data in a folder that goes again. `seeded`: with projects, jobs in every state, a
 * secret and a file.
 */
export async function startServed({ seeded = true } = {}): Promise<Served> {
  await buildConsole({ ifOlder: true })
  const data = mkdtempSync(join(tmpdir(), 'nabla-console-'))
  const config = loadConfig({ data, port: 0, engines: ['fake'], machineTypes: fakeMachineTypes }, {})
  const log = pino({ level: 'silent' })
  let server = await startServer(config, { log })
  const key = server.firstKey!
  const client = createClient({ url: server.url, key })
  if (seeded) await seed(client)
  return {
    url: server.url,
    key,
    client,
    get server() {
      return server
    },
    async signIn(context) {
      const headers = { origin: server.url, 'sec-fetch-site': 'same-origin' }
      const answer = await context.request.post(`${server.url}/api/v1/sessions`, { data: { key }, headers })
      if (!answer.ok()) throw new Error(`signing in failed: ${await answer.text()}`)
    },
    async restart() {
      const port = Number(new URL(server.url).port)
      await server.close()
      server = await startServer({ ...config, port }, { log })
    },
    async close() {
      await server.close()
      rmSync(data, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
