import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import Docker from 'dockerode'

import { makeRootfs } from './rootfs.ts'

/** For tests: a Podman or Docker of their own, with its own storage, and one image in it. */
export interface TestDaemon {
  readonly socket: string
  readonly base: string
  readonly docker: Docker
  /** The command of Docker or Podman that uses the same images, and its environment. */
  readonly client: { words: string[]; env: Record<string, string> }
  /** Starts it again, after `kill`. */
  start(): Promise<void>
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Resolves when it has ended, by itself or by others. */
  died(): Promise<void>
  /** Makes an image of a folder. */
  importFolder(folder: string, name: string): void
  close(): Promise<void>
}

export const testImage = 'nabla-test/base:1'

/** Daemons of Docker share bridges and firewall rules of the machine, so only one file of tests may have one. */
const byHand = 'set NABLA_TEST_DOCKER=1, with --no-file-parallelism'

/** Set in the tests that another test runs as a normal user. */
const isRootless = process.env['NABLA_TEST_ROOTLESS'] === '1'

/** Debian's packages, and what they are called where a test says that they are missing. */
export const missing = {
  podman: lacks('podman', ['podman', 'runc', 'ldd']),
  docker: process.env['NABLA_TEST_DOCKER'] !== '1' ? byHand : lacks('docker.io', ['dockerd', 'docker', 'ldd']),
}

export function lacks(packages: string, programs: string[]): string | null {
  if (process.getuid?.() !== 0 && !isRootless) return `needs root to start ${packages}`
  try {
    for (const name of programs) execFileSync('which', [name], { stdio: 'ignore' })
    return null
  } catch {
    return `needs \`apt-get install ${packages === 'podman' ? 'podman runc netavark' : packages}\``
  }
}

const readyMs = 30_000
const pollMs = 50

/** Starts one in a temporary folder. `storageBytes`: all the room that it has for images and containers. */
export async function startTestDaemon(
  kind: 'podman' | 'docker',
  registry?: string,
  storageBytes?: number,
): Promise<TestDaemon> {
  const base = mkdtempSync(join(tmpdir(), `nabla-${kind}-`))
  if (storageBytes !== undefined) limitStorage(join(base, 'root'), storageBytes)
  const socket = join(base, 'api.sock')
  const { command, env, client } = kind === 'podman' ? podman(base, socket, registry) : dockerd(base, socket)
  const docker = new Docker({ socketPath: socket })
  let child: ChildProcess | null = null
  const ended = () =>
    new Promise<void>((resolve) => {
      if (!child || child.exitCode !== null || child.signalCode !== null) resolve()
      else child.once('exit', () => resolve())
    })
  const daemon: TestDaemon = {
    socket,
    base,
    docker,
    client: { words: client, env },
    async start() {
      rmSync(socket, { force: true })
      const [program = '', ...args] = command
      // Monitors of containers write a file `oom` where they were started, and pulls leave files in TMPDIR.
      child = spawn(program, args, {
        cwd: base,
        env: { ...process.env, TMPDIR: base, ...env },
        stdio: 'ignore',
        detached: true,
      })
      for (let waitedMs = 0; ; waitedMs += pollMs) {
        if (
          await docker.ping().then(
            () => true,
            () => false,
          )
        )
          return
        if (waitedMs > readyMs || child.exitCode !== null) throw new Error(`${kind} does not start`)
        await new Promise((resolve) => setTimeout(resolve, pollMs))
      }
    },
    async kill(signal = 'SIGTERM') {
      child?.kill(signal)
      await ended()
    },
    died: ended,
    importFolder(folder, name) {
      const archive = join(base, 'image.tar')
      execFileSync('tar', ['-C', folder, '-cf', archive, '.'])
      execFileSync(client[0] ?? '', [...client.slice(1), 'import', archive, name], {
        env: { ...process.env, ...env },
        stdio: 'ignore',
      })
      rmSync(archive)
    },
    async close() {
      const networks = (await docker.listNetworks().catch(() => [])).map(({ Name }) => Name)
      await removeAll(docker)
      await daemon.kill()
      if (isRootless) removeAsPodman(join(base, 'root'), env)
      else if (kind === 'podman') dropForwarding(networks)
      unmountBelow(base)
      rmSync(base, { recursive: true, force: true })
    },
  }
  await daemon.start()
  importTestImage(daemon)
  return daemon
}

function limitStorage(folder: string, bytes: number): void {
  mkdirSync(folder)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
}

function importTestImage(daemon: TestDaemon): void {
  const folder = join(daemon.base, 'rootfs')
  makeRootfs(folder)
  daemon.importFolder(folder, testImage)
  rmSync(folder, { recursive: true })
}

/** What a test that failed has left would outlive Podman. */
async function removeAll(docker: Docker): Promise<void> {
  const left = await docker.listContainers({ all: true }).catch(() => [])
  for (const { Id } of left)
    await docker
      .getContainer(Id)
      .remove({ force: true })
      .catch(() => {})
}

/**
 * Podmans of several tests, each with a lock of its own, trip over each other at the firewall, and then leave a port
 * forwarded to a container that is gone: whatever listens there later is out of reach for the whole machine.
 */
function dropForwarding(networks: readonly string[]): void {
  if (lacks('iptables', ['iptables', 'iptables-save']) !== null) return
  for (const rule of execFileSync('iptables-save', ['-t', 'nat'], { encoding: 'utf8' }).split('\n')) {
    const network = /--comment "dnat name: (\S+) id: /.exec(rule)?.[1]
    if (!rule.startsWith('-A NETAVARK-HOSTPORT-DNAT ') || network === undefined || !networks.includes(network)) continue
    const words = [...rule.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
    execFileSync('iptables', ['-w', '-t', 'nat', '-D', ...words.slice(1)], { stdio: 'ignore' })
  }
}

/** What containers of a normal user wrote belongs to users that only his Podman knows. */
function removeAsPodman(folder: string, env: Record<string, string>): void {
  execFileSync('podman', ['unshare', 'rm', '-rf', folder], { env: { ...process.env, ...env } })
}

interface Program {
  command: string[]
  env: Record<string, string>
  /** The command that talks to it. */
  client: string[]
}

/** A test may put a program in the place of `runc` in `base`. `registry`: address of one that speaks plain HTTP; Docker allows that of any on this machine. */
function podman(base: string, socket: string, registry: string | undefined): Program {
  const conf = join(base, 'containers.conf')
  const storage = join(base, 'storage.conf')
  const networks = join(base, 'networks')
  mkdirSync(networks)
  const backend = lacks('netavark', ['podman']) === null && hasNetavark() ? '\nnetwork_backend="netavark"' : ''
  writeFileSync(
    conf,
    `[network]\nnetwork_config_dir="${networks}"${backend}\n[engine]\nruntime="runc"\ncgroup_manager="cgroupfs"\nevents_logger="file"\nlock_type="file"\ntmp_dir="${base}/tmp"\n[engine.runtimes]\nrunc=["${base}/runc", "/usr/bin/runc", "/usr/sbin/runc"]\n`,
  )
  writeFileSync(storage, `[storage]\ndriver="overlay"\ngraphroot="${base}/root"\nrunroot="${base}/run"\n`)
  const registries = join(base, 'registries.conf')
  writeFileSync(registries, registry === undefined ? '' : `[[registry]]\nlocation="${registry}"\ninsecure=true\n`)
  return {
    command: ['podman', 'system', 'service', '--time=0', `unix://${socket}`],
    env: { CONTAINERS_CONF: conf, CONTAINERS_STORAGE_CONF: storage, CONTAINERS_REGISTRIES_CONF: registries },
    client: ['podman'],
  }
}

function hasNetavark(): boolean {
  try {
    execFileSync('/usr/lib/podman/netavark', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function dockerd(base: string, socket: string): Program {
  const folders = ['--data-root', `${base}/root`, '--exec-root', `${base}/exec`, '-p', `${base}/pid`]
  return {
    command: ['dockerd', ...folders, '-H', `unix://${socket}`],
    env: {},
    client: ['docker', '-H', `unix://${socket}`],
  }
}

/** What a daemon that was killed leaves mounted would keep its folder from being removed. */
function unmountBelow(folder: string): void {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n')
  const places = mounts.map((line) => line.split(' ')[1] ?? '').filter((place) => place.startsWith(`${folder}/`))
  for (const place of places.toReversed()) execFileSync('umount', ['--lazy', place])
}
