import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { ModelConfig } from '../config.ts'
import { steadyMs } from '../clock.ts'
import { ServeError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Log } from '../log.ts'
import type { Signature, Tensor } from '../tensor/types.ts'
import { type Frame, readFrames, type TensorParts, writeFrame } from './frame.ts'

/** What a worker says of the model that it has loaded. */
export interface Loaded extends Signature {
  /** Rows of several requests can be run as one. */
  batches: boolean
  /** What runs it, with its version. */
  runtime: string
  /** Names of classes, where the model knows them. */
  classes: string[] | null
}

export type WorkerState = 'loading' | 'ready' | 'restarting' | 'failed' | 'stopped'

export interface WorkerOptions {
  model: ModelConfig
  python: string
  threads: number
  /** A batch that takes longer than this means that the worker hangs. */
  hungMs: number
  log: Log
  /** The state is another, or there is room for more work. */
  onChange(): void
}

/** The worker ended before it began on this batch: it may be given to the next one. */
export class NotBegun extends Error {}

interface Flight {
  resolve(tensors: Tensor[]): void
  reject(error: Error): void
}

/**
 * A process that runs one version of a model, started again when it ends: twice as long after each time, and given up when
 * it cannot load. It works on one batch after another.
 */
export class Worker {
  state: WorkerState = 'loading'
  /** Why it is not ready. */
  reason = ''
  loaded: Loaded | null = null
  restarts = 0
  readonly #options: WorkerOptions
  #child: ChildProcess | null = null
  #socket: Socket | null = null
  #flights = new Map<number, Flight>()
  #nextId = 1
  #lastWords = ''
  #crashes = 0
  #readyAt = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: WorkerOptions) {
    this.#options = options
  }

  /** Starts the process; called once. */
  start(): void {
    this.#spawn()
  }

  /** Batches that it has and has not answered. */
  get inFlight(): number {
    return this.#flights.size
  }

  /** Runs one batch. Rejects with `NotBegun`, or a `ServeError` that says what the model said. */
  run(inputs: readonly TensorParts[]): Promise<Tensor[]> {
    const socket = this.#socket
    if (socket === null || this.state === 'stopped') return Promise.reject(new NotBegun('no process runs the model'))
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#flights.set(id, { resolve, reject })
      if (this.#flights.size === 1) this.#watch()
      writeFrame(socket, { op: 'run', id }, inputs)
    })
  }

  /** Ends it for good. What it works on is rejected. */
  stop(): void {
    this.#become('stopped', 'unloaded')
    clearTimeout(this.#timer)
    const child = this.#child
    if (child === null) return
    // It ends by itself once it sees that.
    this.#socket?.destroy()
    const timer = setTimeout(() => child.kill('SIGKILL'), limits.stopMs)
    child.once('exit', () => clearTimeout(timer))
  }

  #spawn(): void {
    const { model, python, threads, log } = this.#options
    if (programs[model.format] === undefined) {
      this.#fail(`the format ${model.format} is not served: expected one of ${Object.keys(programs).join(', ')}`)
      return
    }
    const [program, args] = commandOf(model, python)
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
    const socket = child.stdio[3] as Socket
    this.#child = child
    this.#socket = socket
    this.#lastWords = ''
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#lastWords = (this.#lastWords + text).slice(-limits.lastWordsBytes)
        for (const line of text.split('\n')) if (line.trim() !== '') log(`[${model.name}/${model.version}] ${line}`)
      })
    }
    let ended = false
    const end = (how: string): void => {
      if (ended) return
      ended = true
      this.#ended(how)
    }
    child.on('error', (error) => end(`could not be started: ${error.message}`))
    child.on('close', (code, signal) => end(signal === null ? `exit code ${code}` : `killed by ${signal}`))
    socket.on('error', (error) => {
      log(`[${model.name}/${model.version}] connection to the process: ${error.message}`)
      child.kill('SIGKILL')
    })
    readFrames(socket, (frame) => this.#hear(frame))
    this.#timer = setTimeout(() => child.kill('SIGKILL'), limits.loadMs)
    writeFrame(socket, { op: 'load', ...model, threads })
  }

  #hear({ head, tensors }: Frame): void {
    const flight = head.id === undefined ? undefined : this.#flights.get(head.id)
    if (flight !== undefined) {
      this.#flights.delete(head.id!)
      this.#watch()
      if (head.op === 'result') flight.resolve(tensors)
      else flight.reject(new ServeError(head['fault'] === 'input' ? 400 : 500, String(head['message'])))
      this.#options.onChange()
    } else if (head.op === 'loaded') {
      clearTimeout(this.#timer)
      this.#readyAt = steadyMs()
      this.loaded = { classes: null, ...head } as unknown as Loaded
      for (const note of (head['notes'] ?? []) as string[]) this.#say(note)
      this.#become('ready', '')
    } else if (head.op === 'error' && this.state !== 'ready') {
      this.#fail(String(head['message']))
    }
  }

  #ended(how: string): void {
    clearTimeout(this.#timer)
    const loading = this.state === 'loading' || (this.state === 'restarting' && this.#readyAt === 0)
    const words = this.#lastWords.trim().split('\n').slice(-3).join(' | ')
    const reason = `the process that runs the model ended: ${how}${words === '' ? '' : ` (${words})`}`
    this.#child = this.#socket = null
    this.#rejectAll(reason)
    if (this.state === 'stopped' || this.state === 'failed') return
    if (this.#readyAt > 0 && steadyMs() - this.#readyAt > limits.restartCalmMs) this.#crashes = 0
    this.#readyAt = 0
    this.#crashes += 1
    if (loading && this.#crashes >= limits.loadAttempts) return this.#fail(reason)
    this.restarts += 1
    const waitMs = Math.min(limits.restartMostMs, limits.restartMs * 2 ** (this.#crashes - 1))
    this.#become(loading ? 'loading' : 'restarting', reason)
    this.#timer = setTimeout(() => this.#spawn(), waitMs)
  }

  /** It works on one after another: only the oldest can be what ended it. */
  #rejectAll(reason: string): void {
    const [begun, ...rest] = this.#flights.values()
    this.#flights = new Map()
    begun?.reject(new ServeError(500, reason))
    for (const flight of rest) flight.reject(new NotBegun(reason))
  }

  /** Each batch has its time from when the one before it was done. */
  #watch(): void {
    clearTimeout(this.#timer)
    if (this.#flights.size === 0) return
    this.#timer = setTimeout(() => {
      this.#say(`a batch takes longer than ${this.#options.hungMs} ms: the process is ended`)
      this.#child?.kill('SIGKILL')
    }, this.#options.hungMs)
  }

  #fail(reason: string): void {
    this.#become('failed', reason)
    clearTimeout(this.#timer)
    this.#child?.kill('SIGKILL')
  }

  #become(state: WorkerState, reason: string): void {
    this.state = state
    this.reason = reason
    this.#say(reason === '' ? state : `${state}: ${reason}`)
    this.#options.onChange()
  }

  #say(text: string): void {
    const { model, log } = this.#options
    log(`[${model.name}/${model.version}] ${text}`)
  }
}

const here = import.meta.dirname
/** What each format runs in. */
const programs: Partial<Record<ModelConfig['format'], 'onnx' | 'python'>> = {
  onnx: 'onnx',
  sklearn: 'python',
  pickle: 'python',
  xgboost: 'python',
  mlflow: 'python',
  pytorch: 'python',
  torchscript: 'python',
  tensorflow: 'python',
  keras: 'python',
  'keras-h5': 'python',
}

/** The name of the version stands last, where `ps` shows it. */
function commandOf({ format, python, name, version }: ModelConfig, defaultPython: string): [string, string[]] {
  const label = `${name}/${version}`
  if (programs[format] === 'onnx') return [process.execPath, [join(here, 'onnx-worker.ts'), label]]
  return [python ?? defaultPython, ['-u', join(here, '../../python/worker.py'), label]]
}
