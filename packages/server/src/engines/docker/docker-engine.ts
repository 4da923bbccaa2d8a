import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { DockerConfig } from '../../config.ts'
import { assert } from '../../lib/assert.ts'
import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import {
  type Address,
  type Capacity,
  type ContainerOptions,
  type Engine,
  ExecError,
  type ExecProcess,
  type ExecRequest,
  type Finding,
  type ImageStore,
  type Samples,
  type TaskReport,
  type TaskSpec,
  type WrittenFolder,
} from '../engine.ts'
import { machineCapacity } from '../machine/capacity.ts'
import { GpuMeter } from '../machine/gpu-meter.ts'
import { type ContainerSettings, instanceLabel, taskLabel } from './container.ts'
import { removeContainer } from './containers.ts'
import { Daemon } from './daemon.ts'
import { examine } from './doctor.ts'
import { followEvents } from './events.ts'
import { execInContainer } from './exec.ts'
import { copyOf, filesFolder, removeVolume } from './files.ts'
import { ImageBook } from './image-book.ts'
import { Images } from './images.ts'
import { DaemonImages } from './image-store.ts'
import { type Endpoint, NetworkGuard } from './network-guard.ts'
import { Networks } from './networks.ts'
import { Records } from './records.ts'
import { parseReference } from '../../lib/image-reference.ts'
import { Relay, relayUrl } from './relay.ts'
import { type Shared, TaskRun } from './task-run.ts'

export interface DockerEngineOptions {
  /** The server's whole data folder, absolute. Ours is `docker` in it. */
  dataDir: string
  clock: Clock
  /** The server's own environment: the address of the daemon, HOME, PATH and proxies are read from it. */
  hostEnv: Record<string, string | undefined>
  /** Path of the daemon's socket; the usual ones are tried if left out. */
  socket?: string
  runtime?: string
  /** Added to, or in place of, those that every container has. */
  ulimits?: DockerConfig['ulimits']
  pull?: NonNullable<ContainerOptions['pull']>
  gpus?: 'cdi' | 'nvidia'
  /** Where the database of the server listens, if it does: no container is to reach it. */
  database?: Endpoint | null
  /** What makes mounts of running tasks read-only, where this server may. */
  protection?: Protection
  /** The interpreter of what brings tasks to the server; `python3` if left out. */
  python?: string
  /** Which start of the machine this is, in place of what the kernel says: for tests. */
  boot?: string
  /** Another engine of this server measures the GPUs of the machine. */
  leaveGpus?: boolean
}

/** Takes the right to write to a mount away from a process, and gives it back. */
export interface Protection {
  /** Answers false when it cannot be done. `pid`: a process that sees the mount. */
  set(pid: number, target: string, readOnly: boolean): Promise<boolean>
  close(): void
}

/** Asked for in any case, so that a daemon never tries to raise a hard limit; programs expect no more. */
const mostOpenFiles = 20_000
const mostProcesses = 16_384

/**
 * The engine that runs tasks in containers, over the API that Docker and Podman share:
 * https://docs.docker.com/reference/api/engine/. What it knows of a task is on the disk (`records.ts`), in files that
 * the task's first process changes (`init.ts`), and with the daemon under the task's name.
 */
export function createDockerEngine(options: DockerEngineOptions): Engine {
  return new DockerEngine(options)
}

class DockerEngine implements Engine {
  readonly name = 'docker'
  readonly builds = true
  readonly images: ImageStore
  readonly #options: DockerEngineOptions
  readonly #daemon: Daemon
  readonly #records: Records
  readonly #instance: string
  readonly #shared: Shared
  readonly #gpuMeter: GpuMeter
  readonly #guard: NetworkGuard
  readonly #runs = new Map<string, TaskRun>()
  readonly #starts = new Map<string, Promise<void>>()
  readonly #listeners = new Set<(id: string) => void>()
  readonly #closed = new AbortController()
  readonly #ready: Promise<void>
  #capacity: Promise<Capacity> | null = null
  #tidied = false
  #sweeping: Promise<void> | null = null
  #cancelSweep: (() => void) | null = null

  constructor(options: DockerEngineOptions) {
    const { dataDir, clock, hostEnv, socket, pull = 'missing', python = 'python3' } = options
    const folder = join(dataDir, 'docker')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#options = options
    this.#daemon = new Daemon(socket, hostEnv)
    this.#records = new Records(join(folder, 'tasks'))
    this.#instance = instanceOf(folder)
    this.#gpuMeter = new GpuMeter(clock, hostEnv['PATH'] ?? '')
    const book = new ImageBook(join(folder, 'images.json'), clock)
    const images = new Images(this.#daemon, clock, book)
    const named = () => [...this.#runs.values()].filter((run) => !run.ended).map(({ spec }) => spec.image)
    this.images = new DaemonImages({ daemon: this.#daemon, clock, images, book, instance: this.#instance, named })
    this.#guard = new NetworkGuard(hostEnv['PATH'] ?? '', this.#instance, options.database ?? null)
    this.#shared = {
      daemon: this.#daemon,
      clock,
      records: this.#records,
      images,
      networks: new Networks(this.#daemon, this.#instance, clock, this.#guard),
      relay: new Relay(python, hostEnv['PATH'] ?? '', join(folder, 'relay.log'), clock),
      boot: options.boot ?? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      settings: () => this.#settings(),
      pull,
      copyMode: 'overlay',
      changed: (id) => {
        for (const listener of this.#listeners) listener(id)
      },
    }
    this.#ready = this.#load()
    // A problem is told by whoever needs it.
    this.#ready.catch(() => {})
    const seen = (id: string | null) => (id === null ? this.#armSweep(0) : this.#runs.get(id)?.look())
    followEvents(this.#daemon, clock, `${instanceLabel}=${this.#instance}`, seen, this.#closed.signal)
  }

  accepts(image: string): { ok: true } | { ok: false; reason: string } {
    if (image === 'host') {
      return { ok: false, reason: 'Jobs of this machine type run in an image: name one, such as python:3.13.' }
    }
    const reference = parseReference(image)
    return 'reason' in reference ? { ok: false, reason: reference.reason } : { ok: true }
  }

  reachServer(port: number): void {
    this.#shared.relay.target = port
  }

  /** Networks of containers are entered by root, and by the user whose daemon made them. */
  async serverUrl(): Promise<string | null> {
    if (this.#shared.relay.target === null) return null
    return (await this.#daemon.isEnterable()) ? relayUrl : null
  }

  async start(task: TaskSpec): Promise<void> {
    assert(/^\w[\w-]*$/.test(task.id), `a task id is a plain name: ${task.id}`)
    await this.#ready
    const starting = this.#starts.get(task.id) ?? this.#begin(task)
    this.#starts.set(task.id, starting)
    await starting.finally(() => this.#starts.delete(task.id))
  }

  async stop(id: string, graceMs: number): Promise<void> {
    await this.#ready
    await this.#runs.get(id)?.stop(graceMs)
  }

  async setWritable(id: string, target: string, writable: boolean): Promise<boolean> {
    await this.#ready
    const run = this.#runs.get(id)
    if (!run || run.ended) return true
    const { protection } = this.#options
    return run.pid !== null && protection !== undefined && protection.set(run.pid, target, !writable)
  }

  async remove(id: string): Promise<void> {
    await this.#ready
    const run = this.#runs.get(id)
    if (!run) return
    await run.remove()
    this.#runs.delete(id)
  }

  async address(id: string, port: number): Promise<Address | null> {
    await this.#ready
    return (await this.#runs.get(id)?.address(port)) ?? null
  }

  async writtenFolder(id: string, target: string): Promise<WrittenFolder | null> {
    await this.#ready
    const run = this.#runs.get(id)
    const index = run?.spec.mounts.findIndex((mount) => mount.target === target) ?? -1
    const root = index < 0 ? null : await copyOf(filesFolder(this.#records.folderOf(id)), index)
    return root === null ? null : { root, path: '' }
  }

  async exec(id: string, request: ExecRequest): Promise<ExecProcess> {
    await this.#ready
    const run = this.#runs.get(id)
    const container = run?.containerName
    if (!run || !container) throw new ExecError('its container does not run')
    return execInContainer({ daemon: this.#daemon, container, workingDir: run.spec.workingDir }, request)
  }

  async list(): Promise<TaskReport[]> {
    await this.#ready
    return Promise.all([...this.#runs.values()].map((run) => run.report()))
  }

  watch(onChange: (id: string) => void, signal: AbortSignal): void {
    if (signal.aborted) return
    this.#listeners.add(onChange)
    signal.addEventListener('abort', () => this.#listeners.delete(onChange))
  }

  async capacity(): Promise<Capacity> {
    this.#capacity ??= machineCapacity(this.#options.hostEnv['PATH'] ?? '')
    return { ...(await this.#capacity), ownPorts: true }
  }

  async sample(ids: readonly string[]): Promise<Samples> {
    await this.#ready
    const tasks = ids.flatMap((id) => this.#runs.get(id)?.use() ?? [])
    const hasGpus = !this.#options.leaveGpus && (await this.capacity()).gpus.length > 0
    return { tasks, gpus: hasGpus ? await this.#gpuMeter.read() : [] }
  }

  doctor(): Promise<Finding[]> {
    return examine(this.#daemon, this.#guard)
  }

  async close(): Promise<void> {
    this.#closed.abort()
    this.#cancelSweep?.()
    await this.#ready.catch(() => {})
    await Promise.all([...this.#runs.values()].map((run) => run.close()))
    await this.#sweeping
    await this.#shared.networks.close()
    this.#shared.relay.end()
    this.#options.protection?.close()
  }

  async #begin(task: TaskSpec): Promise<void> {
    if (this.#runs.has(task.id)) return
    const record = { phases: [{ phase: 'files' as const, at: this.#options.clock.now() }] }
    await this.#records.create(task, record)
    this.#drive(new TaskRun(this.#shared, task, record))
  }

  #drive(run: TaskRun): void {
    this.#runs.set(run.spec.id, run)
    run.drive()
    this.#armSweep()
  }

  async #load(): Promise<void> {
    for (const { spec, record } of await this.#records.load()) {
      this.#drive(new TaskRun(this.#shared, spec, record))
    }
    this.#armSweep(0)
  }

  async #settings(): Promise<ContainerSettings> {
    const { hostEnv, runtime, ulimits = {}, gpus } = this.#options
    const info = await this.#daemon.info()
    const own = process.getuid?.() === 0 || info.rootless ? '0:0' : `${process.getuid?.()}:${process.getgid?.()}`
    const [files, processes] = [ownHardLimit('Max open files'), ownHardLimit('Max processes')]
    const [nofile, nproc] = [Math.min(mostOpenFiles, files), Math.min(mostProcesses, processes)]
    return {
      ...(runtime === undefined ? {} : { runtime }),
      ulimits: {
        core: { soft: 0, hard: 0 },
        nofile: { soft: nofile, hard: nofile },
        nproc: { soft: nproc, hard: nproc },
        ...ulimits,
      },
      gpus: gpus ?? (info.nvidia || !info.cdi ? 'nvidia' : 'cdi'),
      instance: this.#instance,
      info,
      hostEnv,
      owner: own,
      reaches: (await this.serverUrl()) !== null,
    }
  }

  #armSweep(delayMs: number = limits.containerSweepMs): void {
    if (this.#closed.signal.aborted) return
    if (delayMs === 0) this.#cancelSweep?.()
    else if (this.#cancelSweep) return
    this.#cancelSweep = this.#options.clock.after(delayMs, () => {
      this.#cancelSweep = null
      this.#sweeping ??= this.#sweep()
        // The daemon is away: nothing is known of any container until it is back.
        .catch(() => this.#daemon.forget())
        .finally(() => {
          this.#sweeping = null
          if (!this.#tidied || [...this.#runs.values()].some((run) => !run.ended)) this.#armSweep()
        })
    })
  }

  async #sweep(): Promise<void> {
    // Until all that is ours is known, anything may be.
    await this.#ready
    const filters = { label: [`${instanceLabel}=${this.#instance}`] }
    const docker = await this.#daemon.calls()
    const containers = await docker.listContainers({ all: true, filters })
    const alive = new Set(containers.filter(({ State }) => State === 'running').map(({ Labels }) => Labels[taskLabel]))
    for (const run of this.#runs.values()) if (!alive.has(run.spec.id)) run.look()
    if (this.#tidied) return
    for (const { Id, Labels } of containers) {
      if (!this.#runs.has(Labels[taskLabel] ?? '')) await removeContainer(this.#daemon, Id)
    }
    const { Volumes } = await docker.listVolumes({ filters })
    for (const { Name, Labels } of Volumes ?? []) {
      if (!this.#runs.has(Labels?.[taskLabel] ?? '')) await removeVolume(this.#daemon, Name)
    }
    await this.#shared.networks.sweep()
    this.#tidied = true
  }
}

/** Which containers are ours, on a daemon that several servers may use. */
function instanceOf(folder: string): string {
  const path = join(folder, 'instance')
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    const name = randomBytes(8).toString('hex')
    writeFileSync(path, name, { mode: 0o600, flag: 'wx', flush: true })
    return name
  }
}

/** A hard limit of this process, which that of a container must not exceed where the daemon may not raise its own. */
function ownHardLimit(name: string): number {
  const line = readFileSync('/proc/self/limits', 'utf8')
    .split('\n')
    .find((text) => text.startsWith(name))
  return Number(line?.slice(name.length).trim().split(/\s+/)[1]) || Infinity
}
