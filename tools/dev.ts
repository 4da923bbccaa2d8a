/**
 * A server to develop with: the fake engine, projects and jobs in every state, on a data folder that is thrown away.
 * It starts anew whenever a file that it loaded changes, with the same jobs and a key of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@nabla/api/client'
import { loadConfig } from '@nabla/server/config'
import { startServer } from '@nabla/server'

const defaultPort = 7070

/** Words of a command that steer the fake engine are told in `packages/server/src/engines/fake/`. */
const jobs = [
  { project: 'digits', name: 'baseline', command: 'run=1s print=accuracy=0.91', tags: ['keep'] },
  { project: 'digits', name: 'wider', command: 'run=2s print=accuracy=0.94' },
  { project: 'digits', name: 'diverged', command: 'run=1s exit=1 print=loss_is_nan' },
  { project: 'digits', name: 'too-large', command: 'run=1s oom' },
  { project: 'digits', name: 'flaky', command: 'run=1s exit=1', retries: 1 },
  { project: 'speech', name: 'no-such-package', command: 'setup=requirements.txt_cannot_be_installed.' },
  { project: 'speech', name: 'lost', command: 'run=1s lost' },
  { project: 'speech', name: 'long-training', command: 'run=3600s print=epoch_1' },
  { project: 'speech', name: 'stopped', command: 'run=3600s', stop: true },
  { project: 'speech', name: 'waiting', command: 'run=60s', machineType: 'large', count: 4 },
]

if (process.argv[2] === 'serve') await serve(process.argv[3]!)
else watch()

/** Runs this file again under `node --watch`, and throws the data folder away when that ends. */
function watch(): void {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-dev-'))
  const args = ['--watch', '--watch-preserve-output', import.meta.filename, 'serve', folder]
  const child: ChildProcess = spawn(process.execPath, args, { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGTERM'))
  child.once('exit', (code) => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    process.exitCode = code ?? 0
  })
}

/** One life of the server. The fake engine forgets its tasks when it ends, so each life has data of its own. */
async function serve(folder: string): Promise<void> {
  const data = mkdtempSync(join(folder, 'data-'))
  const port = Number(process.env['NABLA_PORT'] ?? defaultPort)
  const machineTypes = [
    { name: 'small', engine: 'fake', cpus: 1, memoryBytes: 4e9 },
    { name: 'large', engine: 'fake', cpus: 4, memoryBytes: 16e9 },
  ]
  const config = loadConfig({ data, port, engines: ['fake'], machineTypes, logLevel: 'warn' }, {})
  const server = await startServer(config)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void server.close().then(() => process.exit(0)))
  }
  await seed(server.url, server.firstKey!)
  console.log(`\nNabla for development: ${server.url}`)
  console.log(`  export NABLA_URL=${server.url} NABLA_API_KEY=${server.firstKey}`)
}

async function seed(url: string, key: string): Promise<void> {
  const client = createClient({ url, key })
  await client.project.create({ body: { name: 'empty', tags: ['new'] } })
  await client.secret.set({ name: 'HF_TOKEN', body: { value: 'not-a-real-token' } })
  await client.storage.put({ path: 'datasets/README.txt', body: 'Files that all jobs of the team see.\n' })
  for (const { stop = false, count = 1, ...job } of jobs) {
    for (let index = 1; index <= count; index++) {
      const name = count === 1 ? job.name : `${job.name}-${index}`
      const { id } = await client.job.create({ body: { machineType: 'small', ...job, name } })
      if (stop) await client.job.stop({ job: id, body: {} })
    }
  }
}
