import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { assert } from '../../lib/assert.ts'
import type { Clock } from '../../lib/clock.ts'
import {
  type Address,
  type Capacity,
  type Engine,
  ExecError,
  type ExecProcess,
  type ExecRequest,
  type Finding,
  type Mount,
  type Samples,
  type TaskReport,
  type TaskSpec,
  type WrittenFolder,
} from '../engine.ts'
import { completeSpec } from './base-environment.ts'
import { machineCapacity } from '../machine/capacity.ts'
import { type ControlGroups, findControlGroups } from './cgroups.ts'
import { examine } from './doctor.ts'
import { execInTask } from './exec.ts'
import { GpuMeter } from '../machine/gpu-meter.ts'
import { Launcher } from './launcher.ts'
import { type Machine, probeMachine } from './machine.ts'
import { isMissing, type ReportFile, Reports } from './reports.ts'
import { secretPlaces } from './secret-places.ts'
import { TaskMeter } from './task-use.ts'
import { watchReports } from './watch.ts'

export interface ProcessEngineOptions {
  /** The server's whole data folder, absolute: hidden from tasks but for what they mount. Ours is `process` in it. */
  dataDir: string
  clock: Clock
  /** The server's own environment: PATH, HOME, proxies and certificates are read from it. */
  hostEnv: Record<string, string | undefined>
  /** Further files and folders that no task may see, absolute. */
  hidePaths?: string[]
  /** Path or name of the interpreter that starts tasks. Default: the first `python3` of 3.9 or newer. */
  python?: string
  /** The server has a database that listens somewhere. */
  hasDatabase?: boolean
}

/** How long `remove` waits for a task that was killed to be gone. The kernel needs milliseconds. */
const deathMs = 10_000
const deathPollMs = 5
/** A folder without a report for this long is of a task whose start was given up: starting takes milliseconds. */
const neverStartedMs = 3_600_000

/** What is found out once, when the engine is made. */
interface Ready {
  machine: Machine
  groups: ControlGroups
  launcher: Launcher
  settings: object
}

/**
 * The engine that runs tasks on this machine, each in namespaces of its own (see `shim/`). Everything it knows is on
 * the disk and in /proc, so an engine that is made anew on the same folder carries on with the tasks of the last one.
 */
export function createProcessEngine(options: ProcessEngineOptions): Engine {
  return new ProcessEngine(options)
}

class ProcessEngine implements Engine {
  readonly name = 'process'
  readonly #options: ProcessEngineOptions
  readonly #path: string
  readonly #tasks: string
  readonly #trash: string
  readonly #reports: Reports
  readonly #taskMeter: TaskMeter
  readonly #gpuMeter: GpuMeter
  readonly #stopWatching = new AbortController()
  #ready: Promise<Ready> | null = null
  #capacity: Promise<Capacity> | null = null

  constructor(options: ProcessEngineOptions) {
    const folder = join(options.dataDir, 'process')
    this.#options = options
    this.#path = options.hostEnv['PATH'] ?? ''
    this.#tasks = join(folder, 'tasks')
    this.#trash = join(folder, 'trash')
    this.#reports = new Reports(join(folder, 'reports'), options.clock)
    this.#taskMeter = new TaskMeter(this.#reports)
    this.#gpuMeter = new GpuMeter(options.clock, this.#path)
    for (const made of [this.#tasks, this.#trash, this.#reports.folder])
      mkdirSync(made, { recursive: true, mode: 0o700 })
    // So that the first task need not wait; a problem is told by whoever needs it.
    this.#prepare().catch(() => {})
  }

  accepts(image: string): { ok: true } | { ok: false; reason: string } {
    if (image === 'host') return { ok: true }
    const reason = 'Jobs of this machine type run on the machine itself, without an image.'
    return { ok: false, reason }
  }

  async start(task: TaskSpec): Promise<void> {
    assert(/^\w[\w-]*$/.test(task.id), `a task id is a plain name: ${task.id}`)
    const { launcher } = await this.#prepare()
    if (await this.#reports.read(task.id)) return
    const folder = join(this.#tasks, task.id)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await replaceFile(folder, 'spec.json', JSON.stringify(completeSpec(task, this.#options.hostEnv)))
    await launcher.start(folder)
  }

  async stop(id: string, graceMs: number): Promise<void> {
    const before = await this.#reports.read(id)
    if (!before || before.exit) return
    // The shim looks for this file once it is named in the report, so it is either told below or finds the file.
    await replaceFile(join(this.#tasks, id), 'stop', String(Math.round(graceMs))).catch(ignoreMissing)
    const file = await this.#reports.read(id)
    if (file && !file.exit && file.supervised) kill(file.pid, 'SIGTERM')
  }

  async setWritable(id: string, target: string, writable: boolean): Promise<boolean> {
    const file = await this.#reports.read(id)
    if (!file || file.exit || !file.supervised) return true
    const { launcher } = await this.#prepare()
    return launcher.protect(file.pid, target, !writable)
  }

  async remove(id: string): Promise<void> {
    const file = await this.#reports.read(id)
    if (file) {
      await this.#waitForDeath(file)
      await this.#removeGroups(file.cgroups)
    }
    // Also without a report: the server may have been killed before the task was claimed.
    const trash = join(this.#trash, `${id}.${randomBytes(4).toString('hex')}`)
    const moved = await rename(join(this.#tasks, id), trash).then(() => true, ignoreMissing)
    await this.#reports.remove(id)
    if (moved) await (await this.#prepare()).launcher.delete(trash)
  }

  async address(id: string, port: number): Promise<Address | null> {
    const file = await this.#reports.read(id)
    if (!file || file.exit) return null
    return { host: await this.#listenAddress(id), port }
  }

  async writtenFolder(id: string, target: string): Promise<WrittenFolder | null> {
    const folder = join(this.#tasks, id)
    const spec = await readFile(join(folder, 'spec.json'), 'utf8').catch(() => '{}')
    const { mounts = [] } = JSON.parse(spec) as Partial<TaskSpec>
    // As `volumes.py` numbers them.
    const depth = (mount: Mount) => mount.target.split('/').length
    const number = mounts.toSorted((a, b) => depth(a) - depth(b)).findIndex((mount) => mount.target === target)
    const scratch = join(folder, 'scratch')
    // What is no mount is written over the machine itself.
    if (number < 0) return { root: join(scratch, 'machine.upper'), path: target.slice(1) }
    const copies = [`copy${number}.upper`, `copy${number}.copy`].map((name) => join(scratch, name))
    for (const root of copies) if (await stat(root).catch(() => null)) return { root, path: '' }
    return null
  }

  async exec(id: string, request: ExecRequest): Promise<ExecProcess> {
    const file = await this.#reports.read(id)
    if (!file || file.exit || !file.phases.some(({ phase }) => phase === 'run')) {
      throw new ExecError('its command does not run')
    }
    const { machine, settings } = await this.#prepare()
    return execInTask({ python: machine.python, settings, folder: join(this.#tasks, id), pid: file.pid }, request)
  }

  list(): Promise<TaskReport[]> {
    return this.#reports.list()
  }

  watch(onChange: (id: string) => void, signal: AbortSignal): void {
    const either = AbortSignal.any([signal, this.#stopWatching.signal])
    watchReports(this.#reports, this.#options.clock, onChange, either)
  }

  capacity(): Promise<Capacity> {
    this.#capacity ??= machineCapacity(this.#path)
    return this.#capacity
  }

  async sample(ids: readonly string[]): Promise<Samples> {
    const hasGpus = (await this.capacity()).gpus.length > 0
    const [tasks, gpus] = await Promise.all([this.#taskMeter.read(ids), hasGpus ? this.#gpuMeter.read() : []])
    return { tasks, gpus }
  }

  async doctor(): Promise<Finding[]> {
    return examine(this.#prepare(), this.capacity(), this.#options.hasDatabase === true)
  }

  async close(): Promise<void> {
    this.#stopWatching.abort()
    const ready = await this.#ready?.catch(() => null)
    ready?.launcher.close()
  }

  async #listenAddress(id: string): Promise<string> {
    const text = await readFile(join(this.#tasks, id, 'spec.json'), 'utf8').catch(() => '{}')
    return (JSON.parse(text) as Partial<TaskSpec>).listenAddress ?? '127.0.0.1'
  }

  /** A failure is not kept: the missing program may be there at the next try. */
  #prepare(): Promise<Ready> {
    this.#ready ??= this.#findOut().catch((error: unknown) => {
      this.#ready = null
      throw error
    })
    return this.#ready
  }

  async #findOut(): Promise<Ready> {
    const { dataDir, hostEnv, hidePaths = [], python = 'python3' } = this.#options
    const folder = join(dataDir, 'process')
    const [machine, groups] = await Promise.all([probeMachine(folder, python, this.#path), findControlGroups()])
    const settings = {
      reports: this.#reports.folder,
      hide: [dataDir, ...secretPlaces(hostEnv['HOME']), ...hidePaths],
      userNamespace: machine.rootNamespaces !== null,
      copyOnWrite: machine.rootNamespaces === null && machine.machineOverlay === null,
      cgroups: groups,
      python: { path: machine.python, version: machine.version },
    }
    const launcher = new Launcher(machine.python, settings, join(folder, 'launcher.log'))
    await this.#tidy(launcher)
    return { machine, groups, launcher, settings }
  }

  /** Deletes what earlier servers were about to delete, and what they made for tasks that never started. */
  async #tidy(launcher: Launcher): Promise<void> {
    for (const id of await readdir(this.#tasks)) {
      const folder = join(this.#tasks, id)
      const { mtimeMs } = await stat(folder)
      if (this.#options.clock.now() - mtimeMs < neverStartedMs || (await this.#reports.read(id))) continue
      await rename(folder, join(this.#trash, id))
    }
    // A deletion that fails is tried again by the next server.
    for (const left of await readdir(this.#trash)) launcher.delete(join(this.#trash, left)).catch(() => {})
  }

  async #waitForDeath(file: ReportFile): Promise<void> {
    for (let waitedMs = 0; await this.#reports.lives(file); waitedMs += deathPollMs) {
      if (waitedMs >= deathMs) throw new Error(`process ${file.pid} of a task does not end`)
      if (!file.exit) kill(file.pid, 'SIGKILL')
      await new Promise<void>((resolve) => this.#options.clock.after(deathPollMs, resolve))
    }
  }

  async #removeGroups(folders: string[]): Promise<void> {
    for (const folder of folders) await rmdir(folder).catch(ignoreMissing)
  }
}

/** Readers see the old content or the new one, never a part. */
async function replaceFile(folder: string, name: string, text: string): Promise<void> {
  const draft = join(folder, `.${name}.${randomBytes(4).toString('hex')}`)
  try {
    await writeFile(draft, text, { mode: 0o600 })
    await rename(draft, join(folder, name))
  } finally {
    await rm(draft, { force: true })
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended meanwhile; its report says so.
  }
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error
}
