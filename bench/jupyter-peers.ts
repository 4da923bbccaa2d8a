import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { makeTempFolder } from './bench-server.ts'
import { ask, type JupyterAt, untilAnswers } from './jupyter-client.ts'
import { run } from './shell.ts'

const root = join(import.meta.dirname, '..')
/** The same versions as in a notebook of Nabla. */
const requirements = join(root, 'packages/server/src/kinds/notebook/requirements.txt')
const hub = 'jupyterhub==6.1.1'
const hubProxy = 'configurable-http-proxy@5.3.0'
const token = 'b'.repeat(48)

/** Where the programs of the peers are. */
export interface PeerTools {
  python: string
  path: string
}

/** A JupyterHub that runs, with the simplest of its spawners. */
export interface Hub extends AsyncDisposable {
  /** Starts the server of a new user. Resolves when it answers. */
  start(user: string): Promise<JupyterAt>
}

/** Jupyter and JupyterHub, installed once beside the other caches. */
export async function peerTools(): Promise<PeerTools> {
  const hash = createHash('sha256')
    .update(`${readFileSync(requirements, 'utf8')}${hub}${hubProxy}`)
    .digest('hex')
  const folder = join(root, 'node_modules/.cache', `nabla-bench-jupyterhub-${hash.slice(0, 12)}`)
  const path = `${folder}/venv/bin:${folder}/node_modules/.bin:${process.env['PATH']}`
  const tools = { python: join(folder, 'venv/bin/python'), path }
  if (existsSync(join(folder, 'ready'))) return tools
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await makeEnvironment(join(folder, 'venv'), [hub])
  await run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', hubProxy])
  await writeFile(join(folder, 'ready'), '')
  return tools
}

/** Installs Jupyter as one does by hand. Answers with its Python. */
export async function makeEnvironment(folder: string, more: string[] = []): Promise<string> {
  const python = join(folder, 'bin/python')
  await run('python3', ['-m', 'venv', folder])
  await run(python, ['-m', 'pip', 'install', '-q', '--no-cache-dir', '-r', requirements, ...more])
  return python
}

/** Starts `jupyter lab` as one does by hand. Resolves when it answers. */
export async function startLab(python: string, env: NodeJS.ProcessEnv = {}): Promise<JupyterAt & AsyncDisposable> {
  const folder = await makeTempFolder()
  const port = await freePort()
  const options = [
    '--no-browser',
    '--allow-root',
    `--port=${port}`,
    '--port-retries=0',
    `--IdentityProvider.token=${token}`,
  ]
  const child = spawn(python, ['-m', 'jupyterlab', ...options], {
    cwd: folder,
    env: { ...process.env, HOME: folder, ...env },
    stdio: 'ignore',
    detached: true,
  })
  const at = { host: '127.0.0.1', port, prefix: '', headers: { authorization: `token ${token}` } }
  const stop = () => end(child, folder)
  await untilAnswers(at, () => child.exitCode !== null).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  return { ...at, [Symbol.asyncDispose]: stop }
}

/** Starts JupyterHub, with variables for it and for the servers of its users. Resolves when it answers. */
export async function startHub(
  { python, path }: PeerTools,
  env: { hub: Record<string, string>; users: Record<string, string> } = { hub: {}, users: {} },
): Promise<Hub> {
  const folder = await makeTempFolder()
  const [port, hubPort, apiPort] = [await freePort(), await freePort(), await freePort()]
  const config = join(folder, 'config.py')
  await writeFile(config, hubConfig({ folder, port, hubPort, apiPort, env: env.users }))
  const child = spawn(python, ['-m', 'jupyterhub', '-f', config], {
    cwd: folder,
    env: { ...process.env, ...env.hub, PATH: path, HOME: folder },
    stdio: 'ignore',
    detached: true,
  })
  const headers = { authorization: `token ${token}` }
  const api = { host: '127.0.0.1', port: hubPort, prefix: '/hub', headers }
  const isGone = () => child.exitCode !== null
  const stop = () => end(child, folder)
  try {
    while (!(await isUp(api))) {
      if (isGone()) throw new Error('JupyterHub did not start')
      await pause(100)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return {
    async start(user) {
      const at = { host: '127.0.0.1', port, prefix: `/user/${user}`, headers }
      await ask(api, 'POST', `/api/users/${user}`)
      await ask(api, 'POST', `/api/users/${user}/server`)
      await untilAnswers(at, isGone)
      return at
    },
    [Symbol.asyncDispose]: stop,
  }
}

const isUp = (api: JupyterAt): Promise<boolean> =>
  ask(api, 'GET', '/api/users').then(
    () => true,
    () => false,
  )

interface HubSettings {
  folder: string
  port: number
  hubPort: number
  apiPort: number
  env: Record<string, string>
}

const hubConfig = ({ folder, port, hubPort, apiPort, env }: HubSettings): string => `
c.JupyterHub.bind_url = "http://127.0.0.1:${port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:${hubPort}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:${apiPort}"
c.JupyterHub.db_url = "sqlite:///${folder}/hub.sqlite"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "${folder}/{username}"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Spawner.args = ["--allow-root"]
c.Spawner.environment = ${JSON.stringify(env)}
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.services = [{"name": "bench", "api_token": "${token}"}]
c.JupyterHub.load_roles = [
    {"name": "bench", "services": ["bench"], "scopes": ["admin:users", "admin:servers", "access:servers"]}
]
`

/** A program with all that it has started. */
async function end(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM')
    const isLate = setTimeout(() => killGroup(child), 10_000)
    await once(child, 'exit')
    clearTimeout(isLate)
  }
  killGroup(child)
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
