import type { ModelConfig, ServeLimits } from '../config.ts'
import { messageOf, ServeError } from '../errors.ts'
import { limits as bounds } from '../limits.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { packStrings } from '../tensor/strings.ts'
import { countOf, dataTypes, fits, type Signature, specText, type Tensor, type TensorSpec } from '../tensor/types.ts'
import { type Loaded, Worker } from '../worker/worker.ts'
import { Batcher, type Ticket } from './batcher.ts'

export interface VersionOptions {
  model: ModelConfig
  python: string
  limits: ServeLimits
  log: Log
  metrics: Metrics
  /** It has become ready, or has stopped being so. */
  onChange(): void
}

export type VersionState = 'loading' | 'ready' | 'unavailable'

/** One version of a model: its worker, its queue, and what it takes and gives. */
export class Version {
  readonly model: ModelConfig
  readonly #options: VersionOptions
  readonly #worker: Worker
  readonly #batcher: Batcher
  /** It has been tried with made-up values, so that the first request finds everything in place. */
  #warm = false
  #retired = false

  constructor(options: VersionOptions) {
    const { model, python, limits, log, metrics } = options
    this.model = model
    this.#options = options
    this.#worker = new Worker({
      model,
      python,
      threads: limits.threads,
      hungMs: limits.timeoutMs + bounds.hungMs,
      log,
      onChange: () => this.#changed(),
    })
    this.#batcher = new Batcher({
      worker: this.#worker,
      maxBatch: limits.maxBatch,
      batchDelayMs: limits.batchDelayMs,
      queue: limits.queue,
      onBatch: (rows, ms) => metrics.batch(model, rows, ms),
    })
    this.#worker.start()
  }

  get name(): string {
    return this.model.name
  }

  get version(): string {
    return this.model.version
  }

  get state(): VersionState {
    const { state } = this.#worker
    if (state === 'ready') return this.#warm ? 'ready' : 'loading'
    return state === 'loading' ? 'loading' : 'unavailable'
  }

  /** Why it is not ready; empty where it is, or is about to be. */
  get reason(): string {
    return this.#worker.reason
  }

  /** It will not become ready by itself. */
  get ended(): boolean {
    return this.#worker.state === 'failed' || this.#worker.state === 'stopped'
  }

  get queued(): number {
    return this.#batcher.length
  }

  /** Batches that its process has. */
  get running(): number {
    return this.#worker.inFlight
  }

  get restarts(): number {
    return this.#worker.restarts
  }

  /** Whether `loaded` can be asked for. */
  get known(): boolean {
    return this.#worker.loaded !== null
  }

  /** What the model says of itself. Throws a `ServeError` while it is not loaded for the first time. */
  get loaded(): Loaded {
    const { loaded } = this.#worker
    if (loaded === null) throw this.unavailable()
    return loaded
  }

  /** Names of classes, where the configuration or the model has them. */
  get classes(): readonly string[] | null {
    return this.model.classes ?? this.#worker.loaded?.classes ?? null
  }

  /** Rows that one request may have, or null where requests are not joined and no dimension is known to be rows. */
  get maxRows(): number | null {
    return this.#worker.loaded?.batches === true ? this.#options.limits.maxBatch : null
  }

  /** Whether it has become ready since it was made, or has ended without: resolves then. */
  readonly settled: { promise: Promise<void>; resolve(): void } = Promise.withResolvers<void>()

  /**
   * Runs a request. The inputs must be those of the signature, in its order: `checkInputs` sees to it.
   *
   * @param timeoutMs - less than the limit of the server, if the client asked for that
   */
  submit(inputs: Tensor[], timeoutMs?: number): Ticket {
    if (this.state === 'unavailable' && this.ended) throw this.unavailable()
    if (this.state === 'loading') throw this.unavailable()
    const most = this.#options.limits.timeoutMs
    return this.#batcher.submit(inputs, Math.min(most, timeoutMs ?? most))
  }

  /** The error for who asks while it cannot answer. */
  unavailable(): ServeError {
    const why = this.reason === '' ? 'it is being loaded' : this.reason
    const text = `model ${this.name}, version ${this.version}, is not ready: ${why}`
    return new ServeError(503, text, this.ended ? undefined : 1)
  }

  /** Ends it once it has answered all that it has; nobody can find it any more. */
  retire(): void {
    this.#retired = true
    this.#endIfIdle()
  }

  /** Ends it now. Requests that wait are refused. */
  stop(): void {
    this.#worker.stop()
    this.#batcher.rejectAll(new ServeError(503, `model ${this.name}, version ${this.version}, has been unloaded`))
  }

  #endIfIdle(): void {
    if (this.#retired && (this.#batcher.length === 0 || this.ended) && this.#worker.inFlight === 0) this.stop()
  }

  #changed(): void {
    const { state } = this.#worker
    if (state !== 'ready') {
      this.#warm = false
      if (state === 'failed') this.#batcher.rejectAll(this.unavailable())
    } else if (!this.#warm) {
      this.#warmUp().then(
        () => this.#isWarm(),
        (error: unknown) => {
          // Made-up values may be nothing that a model knows, such as empty text: that says nothing of real ones.
          this.#options.log(`[${this.name}/${this.version}] made-up values for a first run: ${messageOf(error)}`)
          this.#isWarm()
        },
      )
      return
    }
    if (state === 'failed' || state === 'stopped') this.settled.resolve()
    this.#options.onChange()
    this.#batcher.pump()
    if (this.#worker.state !== 'stopped') this.#endIfIdle()
  }

  #isWarm(): void {
    if (this.#worker.state !== 'ready' || this.#warm) return
    this.#warm = true
    this.settled.resolve()
    this.#options.onChange()
    this.#batcher.pump()
  }

  async #warmUp(): Promise<void> {
    const { inputs } = this.loaded
    if (inputs.some(({ shape }) => shape === null)) return
    const made = inputs.map((spec) => zeros(spec)).map(({ bytes, ...rest }) => ({ ...rest, parts: [bytes] }))
    await this.#worker.run(made)
  }
}

/**
 * Checks that tensors are what a signature asks for and puts them in its order. Throws a `ServeError` that says what was
 * expected.
 */
export function checkInputs(signature: Signature, given: readonly Tensor[], maxRows: number | null): Tensor[] {
  const byName = new Map(given.map((tensor) => [tensor.name, tensor]))
  if (byName.size < given.length) throw new ServeError(400, 'an input is there twice')
  const inputs = signature.inputs.map((spec) => {
    const tensor = byName.get(spec.name)
    if (tensor === undefined)
      throw new ServeError(400, `input ${spec.name} is missing: expected ${inputsText(signature)}`)
    checkInput(spec, tensor)
    return tensor
  })
  const known = new Set(signature.inputs.map(({ name }) => name))
  const unknown = given.find(({ name }) => !known.has(name))
  if (unknown) throw new ServeError(400, `there is no input ${unknown.name}: expected ${inputsText(signature)}`)
  const rows = inputs[0]?.shape[0] ?? 1
  if (maxRows !== null) {
    if (rows > maxRows) throw new ServeError(400, `${rows} rows in one request: at most ${maxRows} are taken`)
    const other = inputs.find(({ shape }) => shape[0] !== rows)
    if (other) {
      throw new ServeError(
        400,
        `inputs differ in rows: ${inputs[0]!.name} has ${rows}, ${other.name} ${other.shape[0]}`,
      )
    }
  }
  return inputs
}

/** What a model takes, for messages. */
export const inputsText = ({ inputs }: Signature): string =>
  inputs.map((spec) => `${spec.name} (${specText(spec)})`).join(', ')

function checkInput(spec: TensorSpec, { type, shape }: Tensor): void {
  if (type !== spec.type || !fits(shape, spec.shape)) {
    throw new ServeError(400, `input ${spec.name}: expected ${specText(spec)}, got ${specText({ type, shape })}`)
  }
}

/** A tensor of the least size that fits. */
function zeros({ name, type, shape }: TensorSpec): Tensor {
  const full = (shape ?? []).map((length) => length ?? 1)
  const count = countOf(full)
  const empty = new Uint8Array(0)
  const bytes =
    type === 'string'
      ? packStrings(Array.from({ length: count }, () => empty))
      : new Uint8Array(count * dataTypes[type].bytes)
  return { name, type, shape: full, bytes }
}
