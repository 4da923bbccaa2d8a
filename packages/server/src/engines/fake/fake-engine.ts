import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../lib/clock.ts'
import {
  type Address,
  type Capacity,
  type Engine,
  ExecError,
  type ExecProcess,
  type ExecRequest,
  type Finding,
  type ImageStore,
  type Samples,
  type TaskExit,
  type TaskReport,
  type TaskSpec,
} from '../engine.ts'
import { fakeExec } from './fake-exec.ts'
import { fakeGpu, fakeUse } from './fake-use.ts'

export interface FakeOptions {
  clock: Clock
  capacity?: Capacity
}

/** What a task on the fake engine does, told by words of its command: `run=5s exit=3 print=hello`. */
interface Script {
  startMs: number
  runMs: number
  exit: TaskExit
  print: string[]
}

interface FakeTask {
  spec: TaskSpec
  script: Script
  report: TaskReport
  cancel: () => void
}

const GiB = 1024 ** 3

/**
 * An engine that pretends: it runs nothing, and moves by its clock alone. For trying Nabla out and for tests. Words of
 * the command steer it: `run=5s` (how long it runs), `start=2s` (how long it takes to start), `exit=3`, `oom`, `lost`,
 * `setup=reason_with_underscores`, `print=text` (a line of output, repeatable). A command without such words runs for
 * one second and ends with exit code 0. A command that is not the user's is steered by words in the variable `FAKE`.
 */
export class FakeEngine implements Engine {
  readonly name = 'fake'
  readonly #options: FakeOptions
  readonly #tasks = new Map<string, FakeTask>()
  readonly #watchers = new Set<(id: string) => void>()
  /** Mounts that were made read-only, as `<task id> <target>`. */
  readonly readOnly = new Set<string>()
  /** Knob: tasks that keep a file open for writing. */
  readonly writing = new Set<string>()
  /** Knob: where a stand-in listens for a port of tasks. */
  readonly portOf = new Map<number, number>()
  /** Knob: images that it has. */
  images?: ImageStore
  /** Knob: while set, every call fails, as an engine does that is down. */
  down = false

  constructor(options: FakeOptions) {
    this.#options = options
  }

  /** What it was asked to run, of every task that it still holds. */
  get specs(): readonly TaskSpec[] {
    return [...this.#tasks.values()].map(({ spec }) => spec)
  }

  accepts(): { ok: true } {
    return { ok: true }
  }

  async start(spec: TaskSpec): Promise<void> {
    this.#mustBeUp()
    if (this.#tasks.has(spec.id)) return
    const now = this.#options.clock.now()
    const task: FakeTask = {
      spec,
      script: parseScript(`${spec.command} ${spec.env['FAKE'] ?? ''}`),
      report: { id: spec.id, state: 'starting', phases: [{ phase: 'files', at: now }] },
      cancel: () => {},
    }
    this.#tasks.set(spec.id, task)
    task.cancel = this.#options.clock.after(task.script.startMs, () => this.#run(task))
    this.#tell(spec.id)
  }

  async stop(id: string): Promise<void> {
    this.#mustBeUp()
    const task = this.#tasks.get(id)
    if (task && task.report.state !== 'ended') this.#end(task, { cause: 'signal', code: 143, blame: 'user' })
  }

  async setWritable(id: string, target: string, writable: boolean): Promise<boolean> {
    this.#mustBeUp()
    if (!writable && this.writing.has(id)) return false
    if (writable) this.readOnly.delete(`${id} ${target}`)
    else this.readOnly.add(`${id} ${target}`)
    return true
  }

  async remove(id: string): Promise<void> {
    this.#mustBeUp()
    this.#tasks.delete(id)
  }

  async address(id: string, port: number): Promise<Address | null> {
    return this.#tasks.has(id) ? { host: '127.0.0.1', port: this.portOf.get(port) ?? port } : null
  }

  async exec(id: string, request: ExecRequest): Promise<ExecProcess> {
    if (this.#tasks.get(id)?.report.state !== 'running') throw new ExecError('its command does not run')
    return fakeExec(request)
  }

  async list(): Promise<TaskReport[]> {
    this.#mustBeUp()
    return [...this.#tasks.values()].map((task) => structuredClone(task.report))
  }

  watch(onChange: (id: string) => void, signal: AbortSignal): void {
    this.#watchers.add(onChange)
    signal.addEventListener('abort', () => this.#watchers.delete(onChange))
  }

  async capacity(): Promise<Capacity> {
    return this.#options.capacity ?? { cpus: 4, memoryBytes: 16 * GiB, gpus: [] }
  }

  async sample(ids: readonly string[]): Promise<Samples> {
    this.#mustBeUp()
    const now = this.#options.clock.now()
    const tasks = ids.flatMap((id) => {
      const task = this.#tasks.get(id)
      const began = task?.report.phases.find(({ phase }) => phase === 'run')?.at
      if (!task || began === undefined || task.report.state === 'ended') return []
      return [fakeUse(task.spec, (now - began) / 1000)]
    })
    const { gpus } = await this.capacity()
    return { tasks, gpus: gpus.map((gpu) => fakeGpu(gpu, now / 1000)) }
  }

  async doctor(): Promise<Finding[]> {
    const message = 'The fake engine is on: jobs on it only pretend to run.'
    return [{ level: 'warning', topic: 'fake engine', message }]
  }

  async close(): Promise<void> {
    for (const task of this.#tasks.values()) task.cancel()
    this.#watchers.clear()
  }

  /** Knob: makes the engine forget a task, as a machine does that loses its power. */
  lose(id: string): void {
    this.#tasks.get(id)?.cancel()
    this.#tasks.delete(id)
    this.#tell(id)
  }

  /** Ids of the tasks it has, in the order they were started. */
  ids(): string[] {
    return [...this.#tasks.keys()]
  }

  #run(task: FakeTask): void {
    const { script, spec, report } = task
    if (script.exit.cause === 'setup') {
      this.#end(task, script.exit)
      return
    }
    report.state = 'running'
    report.phases.push({ phase: 'run', at: this.#options.clock.now() })
    for (const line of script.print) appendFileSync(join(spec.outputDir, 'stdout'), `${line}\n`)
    task.cancel = this.#options.clock.after(script.runMs, () => this.#end(task, script.exit))
    this.#tell(report.id)
  }

  #end(task: FakeTask, exit: TaskExit): void {
    task.cancel()
    task.report.state = 'ended'
    task.report.exit = exit
    task.report.endedAt = this.#options.clock.now()
    this.#tell(task.report.id)
  }

  #tell(id: string): void {
    for (const watcher of this.#watchers) watcher(id)
  }

  #mustBeUp(): void {
    if (this.down) throw new Error('the fake engine is down')
  }
}

function parseScript(command: string): Script {
  const words = command.split(/\s+/).map((word) => word.split('=', 2) as [string, string?])
  const value = (name: string) => words.find(([word]) => word === name)?.[1]
  const has = (name: string) => words.some(([word]) => word === name)
  return {
    startMs: toMs(value('start') ?? '0s'),
    runMs: toMs(value('run') ?? '1s'),
    exit: toExit(has, value),
    print: words.filter(([word]) => word === 'print').map(([, text]) => text ?? ''),
  }
}

function toExit(has: (name: string) => boolean, value: (name: string) => string | undefined): TaskExit {
  const setup = value('setup')
  if (setup !== undefined) {
    return { cause: 'setup', code: null, blame: 'user', reason: setup.replaceAll('_', ' ') }
  }
  if (has('oom')) return { cause: 'oom', code: 137, blame: 'user', reason: 'It used more memory than it was given.' }
  if (has('lost')) return { cause: 'lost', code: null, blame: 'machine', reason: 'The machine went away.' }
  return { cause: 'exit', code: Number(value('exit') ?? 0), blame: 'user' }
}

function toMs(text: string): number {
  const amount = Number.parseFloat(text)
  return text.endsWith('ms') ? amount : amount * 1000
}
