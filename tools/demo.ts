/**
 * The main job from end to end, on a throw-away server: what a user would type, with what comes of it. Everything it
 * makes is in one temporary folder, and gone when it ends.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { styleText } from 'node:util'

const repository = join(import.meta.dirname, '..')
const cli = join(repository, 'bin', 'nabla')

interface Demo {
  /** The temporary folder: the server's data, the example's copy, what is downloaded. */
  folder: string
  /** The example, copied so that nothing is written into the repository. */
  digits: string
  env: NodeJS.ProcessEnv
  url: string
  /** Opens the console, signed in. */
  link: string
}

/** Thrown where the story cannot go on; the message says what is missing. */
class Missing extends Error {}

const folder = mkdtempSync(join(tmpdir(), 'nabla-demo-'))
let server: ChildProcess | undefined
let stopping = false
let steps = 0

try {
  await main()
} catch (error) {
  if (!(error instanceof Missing)) throw error
  console.error(`\n${styleText('red', '✗')} ${error.message}`)
  process.exitCode = 1
} finally {
  await cleanUp()
}

async function main(): Promise<void> {
  process.on('SIGINT', () => void cleanUp().then(() => process.exit(130)))
  title('Nabla: from a folder of code to a trained model')
  await checkMachine()
  const demo = await startServer()
  await train(demo)
  await fetchArtifacts(demo)
  await readStorage(demo)
  conclude(demo)
  if (process.stdin.isTTY && process.stdout.isTTY) await waitForEnter(demo)
}

async function checkMachine(): Promise<void> {
  const python = await output('python3', ['--version'])
  if (python === null) throw new Missing('Python is missing: install python3 (3.9 or newer), then run the demo again.')
  const index = process.env['PIP_INDEX_URL'] ?? 'https://pypi.org/simple'
  try {
    await fetch(`${index.replace(/\/$/, '')}/pip/`, { method: 'HEAD', signal: AbortSignal.timeout(10_000) })
  } catch {
    throw new Missing(
      `The package index at ${index} cannot be reached, and the demo installs scikit-learn from it.\n` +
        '  Connect this machine, or name an index of your own: PIP_INDEX_URL=https://… npm run demo',
    )
  }
}

async function startServer(): Promise<Demo> {
  step('A server, on a data folder of its own', 'nabla up')
  const env = cleanEnvironment()
  server = spawn(process.execPath, [join(repository, 'packages/server/src/main.ts')], {
    env: { ...env, NABLA_DATA: join(folder, 'data'), NABLA_PORT: '0', NABLA_LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await Promise.race([
    once(createInterface(server.stdout!), 'line') as Promise<[string]>,
    once(server, 'exit').then(() => {
      throw new Missing('The server did not start; what it said is above.')
    }),
  ])
  const { url, key } = JSON.parse(line) as { url: string; key: string }
  console.log(`It answers at ${url}, and has made an admin with a key.`)
  const digits = join(folder, 'digits')
  cpSync(join(repository, 'examples', 'digits'), digits, { recursive: true })
  return { folder, digits, url, link: `${url}/sign-in#key=${key}`, env: { ...env, NABLA_URL: url, NABLA_API_KEY: key } }
}

async function train(demo: Demo): Promise<void> {
  step('Train a real classifier, from the folder it is in', 'cd examples/digits')
  console.log('The folder is uploaded, its requirements.txt becomes an environment, the log comes live.\n')
  await nabla(demo, ['run', '--', 'python', 'train.py', '--epochs', '12'])
}

async function fetchArtifacts(demo: Demo): Promise<void> {
  step('What the job left in /artifacts is kept', null)
  await nabla(demo, ['job', 'artifacts', 'list'])
  await nabla(demo, ['job', 'artifacts', 'download', '--to', join(demo.folder, 'results')])
  const files = readdirSync(join(demo.folder, 'results'), { recursive: true, encoding: 'utf8' })
  if (!files.includes('model.npz')) throw new Missing('The model is not among the downloaded artifacts.')
}

async function readStorage(demo: Demo): Promise<void> {
  step('What it left in /storage is seen by every later job', null)
  await nabla(demo, ['run', '--workspace', 'none', '--', 'cat', '/storage/digits/last.json'])
}

function conclude(demo: Demo): void {
  step('What you have seen', null)
  for (const line of [
    'a folder was uploaded and run in namespaces of its own, with its packages installed once and kept',
    'its log came live and is kept; its exit code became that of the command',
    'its artifacts were listed and downloaded, with checksums',
    'a second job read a file that the first one had left in the persistent storage',
  ]) {
    console.log(`  ${styleText('green', '✓')} ${line}`)
  }
  console.log(`\nThe server was ${demo.url}: the console, and at ${demo.url}/docs the API reference.`)
  console.log('\nTo go on with a server that stays:\n')
  console.log('  npm link                              # puts nabla on your PATH')
  console.log('  nabla up                              # prints the line that logs you in, and a link to the console')
  console.log('  cd your/project && nabla run -- python train.py\n')
}

async function waitForEnter(demo: Demo): Promise<void> {
  console.log(
    `It still runs. Look around in the console, then press Enter to stop it and delete what the demo made:\n\n  ${demo.link}\n`,
  )
  await once(createInterface(process.stdin), 'line')
}

/** Runs a command as a user would, shows it, and lets it write to the terminal. */
async function nabla(demo: Demo, args: string[]): Promise<void> {
  const shown = args.map((arg) => (arg.startsWith(demo.folder) ? arg.slice(demo.folder.length + 1) : arg))
  command(`nabla ${shown.join(' ')}`)
  const child = spawn(cli, args, { cwd: demo.digits, env: demo.env, stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0 && !stopping) throw new Missing(`That ended with exit code ${code}. What it said is above.`)
}

/** The user's environment, without what would point the demo at another server. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, NABLA_CONFIG: join(folder, 'config.json') }
  for (const name of Object.keys(env)) if (/^NABLA_(?!CONFIG)/.test(name)) delete env[name]
  return env
}

async function output(program: string, args: string[]): Promise<string | null> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk))
  const code = await new Promise((resolve) => child.once('close', resolve).once('error', resolve))
  return code === 0 ? text : null
}

/** Stops the server, and what may still run on it, and deletes all that was made. */
async function cleanUp(): Promise<void> {
  if (stopping) return
  stopping = true
  if (server && server.exitCode === null) {
    server.kill('SIGTERM')
    await Promise.race([once(server, 'exit'), delay(10_000)])
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

function title(text: string): void {
  console.log(`\n${styleText(['bold', 'cyan'], '∇')} ${styleText('bold', text)}`)
}

function step(text: string, shown: string | null): void {
  steps += 1
  console.log(`\n${styleText('bold', `${steps}. ${text}`)}`)
  if (shown !== null) command(shown)
}

function command(text: string): void {
  console.log(styleText('cyan', `$ ${text}`))
}
