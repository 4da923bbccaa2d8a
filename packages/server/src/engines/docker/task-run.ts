import { type FSWatcher, watch } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'

import type Docker from 'dockerode'

import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { Address, ContainerOptions, Phase, TaskExit, TaskReport, TaskSample, TaskSpec } from '../engine.ts'
import { type ContainerSettings, containerName, containerOptions } from './container.ts'
import { readUse } from './container-use.ts'
import { endUnseen, inspectContainer, removeContainer, signalContainer } from './containers.ts'
import { type Daemon, isAway, statusOf, wordsOf } from './daemon.ts'
import { built, exitOf, machineRestarted, removedOutside, SetupFailure, startedUnseen, stoppedBefore } from './exit.ts'
import { type CopyMode, filesFolder, placeMounts, removeVolumes } from './files.ts'
import type { Images, LocalImage } from './images.ts'
import type { Networks } from './networks.ts'
import { createByPodman } from './podman-create.ts'
import { lastLine, type Marks, openToAll, type Records, type TaskRecord } from './records.ts'
import type { Relay } from './relay.ts'
import { startFailure } from './start-failure.ts'
import { forgetPushed, obtainImage } from './task-image.ts'

/** What all tasks of an engine share. */
export interface Shared {
  daemon: Daemon
  clock: Clock
  records: Records
  images: Images
  networks: Networks
  relay: Relay
  /** Which start of the machine this is. */
  boot: string
  settings(): Promise<ContainerSettings>
  pull: NonNullable<ContainerOptions['pull']>
  /** What the daemon could not mount once is copied from then on. */
  copyMode: CopyMode
  changed(id: string): void
}

/** It was told to stop before its container was started. */
class Stopped extends Error {}

/** It ran, and the daemon did not know. */
class Unseen extends Error {}

/** One task, from its record to its removal. All it knows is on the disk or with the daemon, so it can be made anew. */
export class TaskRun {
  readonly spec: TaskSpec
  readonly #shared: Shared
  #record: TaskRecord
  #container: { id: string; pid: number } | null = null
  #driving: Promise<void> | null = null
  #looking: Promise<void> | null = null
  #watcher: FSWatcher | null = null
  #cancelKill: () => void = () => {}
  readonly #closed = new AbortController()
  readonly #stopping = new AbortController()
  #seen = ''
  #hasExited = false

  constructor(shared: Shared, spec: TaskSpec, record: TaskRecord) {
    this.#shared = shared
    this.spec = spec
    this.#record = record
    if (record.killAt !== undefined) this.#stopping.abort()
    shared.networks.hold(spec.networkScope, spec.id)
  }

  get ended(): boolean {
    return this.#record.exit !== undefined
  }

  /** Brings it to where it should be, in the background: fetched, made, started, or found again. */
  drive(): void {
    if (this.ended || this.#driving) return
    if (this.#record.killAt !== undefined) this.#armKill(this.#record.killAt)
    this.#driving = this.#drive().finally(() => (this.#driving = null))
  }

  async report(): Promise<TaskReport> {
    const { spec, ended } = this
    const { exit, endedAt, image } = this.#record
    const phases = ended ? this.#record.phases : this.#phasesWith(await this.#shared.records.marks(spec.id))
    const base = { id: spec.id, phases, ...(image === undefined ? {} : { image }) }
    // It may have ended while its files were read.
    if (exit && endedAt !== undefined) return { ...base, state: 'ended', exit, endedAt }
    return { ...base, state: phases.some(({ phase }) => phase === 'run') ? 'running' : 'starting' }
  }

  async stop(graceMs: number): Promise<void> {
    if (this.ended) return
    const killAt = this.#shared.clock.now() + graceMs
    if (this.#record.killAt === undefined || killAt < this.#record.killAt) {
      this.#record = { ...this.#record, killAt, graceMs }
      await this.#save()
      this.#armKill(killAt)
    }
    await this.#shared.records.askToStop(this.spec.id)
    this.#stopping.abort()
    if (this.#container) await this.#signal('SIGTERM')
  }

  /** Removes everything of it, whatever it is doing. */
  async remove(): Promise<void> {
    await this.close()
    const { daemon, networks, records, relay } = this.#shared
    relay.close(this.spec.id)
    await removeContainer(daemon, containerName(this.spec.id), this.#hasExited)
    await removeVolumes(daemon, this.spec)
    await forgetPushed(this.#shared, this.spec)
    await records.remove(this.spec.id)
    networks.release(this.spec.networkScope, this.spec.id)
  }

  /** Lets go of it; it runs on. */
  async close(): Promise<void> {
    this.#closed.abort()
    this.#cancelKill()
    this.#watcher?.close()
    await this.#driving
    await this.#looking
  }

  use(): TaskSample | null {
    if (this.ended || !this.#container) return null
    return readUse(this.spec.id, this.#container.id, this.#container.pid)
  }

  /** The first process of its container, as this machine numbers it; null while it has none. */
  get pid(): number | null {
    return this.ended ? null : (this.#container?.pid ?? null)
  }

  /** Name of its container, which may not be there yet; null when it has ended. */
  get containerName(): string | null {
    return this.ended ? null : containerName(this.spec.id)
  }

  async address(port: number): Promise<Address | null> {
    const found = this.ended ? null : await this.#inspect()
    const [bound] = found?.NetworkSettings.Ports[`${port}/tcp`] ?? []
    return bound ? { host: bound.HostIp || '127.0.0.1', port: Number(bound.HostPort) } : null
  }

  /** Looks whether its container has ended, where that may be so. */
  look(): void {
    if (this.ended || !this.#container || this.#closed.signal.aborted) return
    this.#looking ??= this.#look()
      // The daemon is away, or the disk is full: the next sweep looks again.
      .catch(() => {})
      .finally(() => (this.#looking = null))
  }

  async #drive(): Promise<void> {
    const began = this.#shared.clock.steady()
    while (!this.#closed.signal.aborted) {
      try {
        await this.#bring()
        return
      } catch (error) {
        if (this.#closed.signal.aborted) return
        if (isAway(error) && this.#shared.clock.steady() - began < limits.daemonAwayMs) {
          this.#shared.daemon.forget()
          await this.#pause(limits.daemonRetryMs)
          continue
        }
        await this.#end(this.#exitOfFailure(error))
        return
      }
    }
  }

  #exitOfFailure(error: unknown): TaskExit {
    if (error instanceof SetupFailure) return error.exit
    if (error instanceof Unseen) return startedUnseen
    if (error instanceof Stopped || (this.#stopping.signal.aborted && !this.#record.created)) return stoppedBefore
    return new SetupFailure(`It could not be started: ${wordsOf(error)}`, 'machine').exit
  }

  async #bring(): Promise<void> {
    let found = await this.#inspect()
    if (!found) {
      if (this.#record.created) return this.#end(removedOutside)
      this.#checkStop()
      await this.#create()
      if (this.spec.build?.only) return this.#end(built)
    }
    if (!found || ['created', 'configured', 'initialized'].includes(found.State.Status)) {
      // Podman forgets what ran before the machine was restarted: nothing is begun twice. Without that, one that has
      // begun is about to be called running.
      if (this.#isOfOtherBoot && (await this.#hasBegun())) return this.#end(machineRestarted)
      this.#checkStop()
      if (!(await this.#start())) return this.#bring()
      found = await this.#inspect()
    }
    if (!found) return this.#end(removedOutside)
    this.#container = { id: found.Id, pid: found.State.Pid }
    this.#watchState()
    if (found.State.Running) await this.#openWay(found.State.Pid)
    // Told to stop while it was being started: it may have looked for the file before it was there.
    if (this.#stopping.signal.aborted && found.State.Running) await this.#signal('SIGTERM')
    this.#shared.changed(this.spec.id)
    this.look()
  }

  get #isOfOtherBoot(): boolean {
    return this.#record.boot !== undefined && this.#record.boot !== this.#shared.boot
  }

  async #hasBegun(): Promise<boolean> {
    const { environmentAt, runAt } = await this.#shared.records.marks(this.spec.id)
    return (environmentAt ?? runAt) !== undefined
  }

  /** Its command waits for that; one that gets none begins all the same. */
  async #openWay(pid: number): Promise<void> {
    const { relay, records } = this.#shared
    if (!(await relay.open(this.spec.id, pid)) && relay.target !== null) {
      const text = 'It cannot reach the server: what it tracks does not arrive. `nabla doctor` may say why.\n'
      await appendFile(join(this.spec.outputDir, 'system'), text).catch(() => {})
    }
    await records.letBegin(this.spec.id)
  }

  async #create(): Promise<void> {
    const { spec } = this
    const settings = await this.#shared.settings()
    for (const name of ['stdout', 'stderr', 'system', 'packages']) await openToAll(join(spec.outputDir, name))
    this.#enter(spec.build ? 'build' : 'image')
    const image = await obtainImage(this.#shared, spec, settings, this.#stopping.signal)
    try {
      this.#record = { ...this.#record, image: image.pinned }
      if (!spec.build?.only) await this.#createFrom(image, settings)
    } finally {
      this.#shared.images.release(image.id)
    }
  }

  async #createFrom(image: LocalImage, settings: ContainerSettings): Promise<void> {
    const { spec } = this
    const { daemon, networks, records, copyMode } = this.#shared
    this.#enter('create')
    const folder = filesFolder(records.folderOf(spec.id))
    const mounts = await placeMounts(daemon, settings.instance, spec, folder, copyMode)
    const network = await networks.ensure(spec.networkScope)
    const options = containerOptions(spec, settings, { image, mounts, network, state: records.stateOf(spec.id) })
    try {
      const byCdi = options.HostConfig?.DeviceRequests?.some(({ Driver }) => Driver === 'cdi') === true
      if (byCdi && settings.info.name === 'podman') await createByPodman(daemon, options)
      else await (await daemon.calls()).createContainer(options)
    } catch (error) {
      if (isAway(error)) throw error
      if (!(await this.#inspect())) throw startFailure(spec, wordsOf(error))
    }
    this.#record = { ...this.#record, created: true, boot: this.#shared.boot }
    this.#enter('start')
    await this.#save()
  }

  /** A step that is done again, after a failure or a restart, began when it was first tried. */
  #enter(phase: Phase): void {
    if (this.#record.phases.some((known) => known.phase === phase)) return
    this.#record = { ...this.#record, phases: [...this.#record.phases, { phase, at: this.#shared.clock.now() }] }
    this.#shared.changed(this.spec.id)
  }

  /** Answers false when its container was removed, to be made in another way. */
  async #start(): Promise<boolean> {
    const { daemon } = this.#shared
    const name = containerName(this.spec.id)
    try {
      await (await daemon.calls()).getContainer(name).start()
      return true
    } catch (error) {
      if (isAway(error)) throw error
      if (statusOf(error) === 304) return true
      const words = wordsOf(error)
      // Removed behind our back just now, as is seen next.
      if (statusOf(error) === 404 && /no (such )?container/i.test(words)) return true
      if (this.#shared.copyMode === 'overlay' && /overlay|mounting volume|volume mount/i.test(words)) {
        this.#shared.copyMode = 'copy'
        await removeContainer(daemon, name)
        await removeVolumes(daemon, this.spec)
        this.#record = { ...this.#record, created: false }
        await this.#save()
        return false
      }
      if (await endUnseen(daemon, name)) throw new Unseen()
      throw startFailure(this.spec, words)
    }
  }

  #checkStop(): void {
    if (this.#stopping.signal.aborted) throw new Stopped()
  }

  #watchState(): void {
    if (this.#watcher || this.#closed.signal.aborted) return
    try {
      this.#watcher = watch(this.#shared.records.stateOf(this.spec.id), { persistent: false }, () => this.look())
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch {
      // The kernel has no notifications left to give; the sweeps have to do then.
    }
  }

  async #look(): Promise<void> {
    const { clock, records, changed } = this.#shared
    const marks = await records.marks(this.spec.id)
    const seen = JSON.stringify(marks)
    if (seen !== this.#seen) changed(this.spec.id)
    this.#seen = seen
    const began = clock.steady()
    for (;;) {
      const found = await this.#inspect()
      if (!found) return this.#end(removedOutside)
      if (!found.State.Running && found.State.Status !== 'created') return this.#finish(found)
      if (!marks.done || clock.steady() - began > limits.containerEndMs || this.#closed.signal.aborted) return
      await this.#pause(limits.containerEndPollMs)
    }
  }

  async #finish(found: Docker.ContainerInspectInfo): Promise<void> {
    this.#hasExited = true
    const { ExitCode: code, OOMKilled: oomKilled, FinishedAt } = found.State
    const marks = await this.#shared.records.marks(this.spec.id)
    const [error, system] = await Promise.all(
      ['stderr', 'system'].map((name) => lastLine(join(this.spec.outputDir, name))),
    )
    const last = { error: error ?? '', system: system ?? '' }
    const exit = exitOf({ code, oomKilled }, marks, this.#record, this.spec.resources.memoryBytes, last)
    await this.#end(exit, Date.parse(FinishedAt))
  }

  async #end(seen: TaskExit, at = NaN): Promise<void> {
    if (this.ended || this.#closed.signal.aborted) return
    const exit = seen.cause === 'lost' && this.#isOfOtherBoot ? machineRestarted : seen
    const phases = this.#phasesWith(await this.#shared.records.marks(this.spec.id))
    const began = phases.at(-1)?.at ?? 0
    const endedAt = Math.max(began, at > 0 ? at : this.#shared.clock.now())
    const record = { ...this.#record, phases, exit, endedAt }
    await this.#shared.records.save(this.spec.id, record)
    this.#record = record
    this.#cancelKill()
    this.#watcher?.close()
    this.#shared.relay.close(this.spec.id)
    this.#shared.changed(this.spec.id)
  }

  #phasesWith({ environmentAt, runAt }: Marks): { phase: Phase; at: number }[] {
    const phases = this.#record.phases.filter(({ phase }) => phase !== 'environment' && phase !== 'run')
    const add = (phase: Phase, at: number | undefined) => {
      if (at !== undefined) phases.push({ phase, at: Math.max(at, phases.at(-1)?.at ?? 0) })
    }
    add('environment', environmentAt)
    add('run', runAt)
    return phases
  }

  #armKill(at: number): void {
    this.#cancelKill()
    const { clock } = this.#shared
    this.#cancelKill = clock.after(Math.max(0, at - clock.now()), () => void this.#kill().catch(() => {}))
  }

  async #kill(): Promise<void> {
    if (this.ended || !this.#container || this.#closed.signal.aborted) return
    this.#record = { ...this.#record, killed: true }
    await this.#save()
    await this.#signal('SIGKILL')
    this.look()
  }

  /** One that does not run yet finds the file that says the same. */
  #signal(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    return signalContainer(this.#shared.daemon, containerName(this.spec.id), signal)
  }

  #inspect(): Promise<Docker.ContainerInspectInfo | null> {
    return inspectContainer(this.#shared.daemon, containerName(this.spec.id))
  }

  #save(): Promise<void> {
    return this.#shared.records.save(this.spec.id, this.#record)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#shared.clock.after(ms, resolve)
      const now = () => {
        cancel()
        resolve()
      }
      this.#closed.signal.addEventListener('abort', now, { once: true })
    })
  }
}
