/**
 * A server to develop with: the fake engine, projects and jobs in every state, on a data folder that is thrown away.
 * It starts anew whenever a file that it loaded changes, with the same jobs and a key of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'vite'
import { createClient } from '@nabla/api/client'
import { loadConfig } from '@nabla/server/config'
import { startServer } from '@nabla/server'
import { fakeMachineTypes, seed } from './seed.ts'

const defaultPort = 7070

if (process.argv[2] === 'serve') await serve(process.argv[3]!)
else await watch()

/** Runs this file again under `node --watch`, and throws the data folder away when that ends. Vite has the console. */
async function watch(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-dev-'))
  const pages = await createServer({ configFile: join(import.meta.dirname, '../packages/console/vite.config.ts') })
  await pages.listen()
  // Vite would end this process at once, and leave the data folder.
  process.removeAllListeners('SIGTERM')
  const args = ['--watch', '--watch-preserve-output', import.meta.filename, 'serve', folder]
  const child: ChildProcess = spawn(process.execPath, args, { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGTERM'))
  child.once('exit', (code) => {
    void pages.close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    process.exitCode = code ?? 0
  })
}

/** One life of the server. The fake engine forgets its tasks when it ends, so each life has data of its own. */
async function serve(folder: string): Promise<void> {
  const data = mkdtempSync(join(folder, 'data-'))
  const port = Number(process.env['NABLA_PORT'] ?? defaultPort)
  const config = loadConfig({ data, port, engines: ['fake'], machineTypes: fakeMachineTypes, logLevel: 'warn' }, {})
  const server = await startServer(config)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void server.close().then(() => process.exit(0)))
  }
  await seed(createClient({ url: server.url, key: server.firstKey! }))
  console.log(`\nNabla for development: ${server.url}`)
  console.log(`  the console, with live reload: http://localhost:5173/sign-in#key=${server.firstKey}`)
  console.log(`  export NABLA_URL=${server.url} NABLA_API_KEY=${server.firstKey}`)
}
