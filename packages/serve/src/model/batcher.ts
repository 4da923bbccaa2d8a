import { steadyMs } from '../clock.ts'
import { ServeError } from '../errors.ts'
import { limits } from '../limits.ts'
import { packStrings, unpackStrings } from '../tensor/strings.ts'
import { countOf, dataTypes, type Tensor } from '../tensor/types.ts'
import type { TensorParts } from '../worker/frame.ts'
import { NotBegun, type Worker } from '../worker/worker.ts'

export interface BatcherOptions {
  worker: Worker
  maxBatch: number
  batchDelayMs: number
  /** Requests that may wait. */
  queue: number
  /** Rows of a batch that is given to the worker, and how long it took there. */
  onBatch(rows: number, ms: number): void
}

/** A request under way: its answer, and how to withdraw it. */
export interface Ticket {
  outputs: Promise<Tensor[]>
  /** Nobody waits for it any more: it is not run if it has not been begun. */
  cancel(): void
}

interface Waiting {
  inputs: Tensor[]
  rows: number
  /** Requests with the same text can be joined. */
  key: string
  since: number
  /** Only by itself: it was in a batch that failed. */
  alone: boolean
  done: boolean
  resolve(outputs: Tensor[]): void
  reject(error: Error): void
  timer: NodeJS.Timeout | undefined
}

/**
 * Requests that wait for the worker of a model. While it is busy they gather; when there is room, those whose shapes
 * agree go as one batch, joined along the first axis. A batch that fails is run again one by one, so that nobody is
 * refused for what another sent.
 */
export class Batcher {
  readonly #options: BatcherOptions
  #queue: Waiting[] = []
  #delay: NodeJS.Timeout | undefined
  /** Outputs of this model have not as many rows as its inputs: nothing can be joined. */
  #single = false

  constructor(options: BatcherOptions) {
    this.#options = options
  }

  /** Requests that wait. */
  get length(): number {
    return this.#queue.length
  }

  /** Queues a request, or throws a `ServeError` where no more may wait. */
  submit(inputs: Tensor[], timeoutMs: number): Ticket {
    if (this.#queue.length >= this.#options.queue) {
      throw new ServeError(429, `${this.#queue.length} requests wait for this model already; ask again later`, 1)
    }
    const { promise, resolve, reject } = Promise.withResolvers<Tensor[]>()
    const waiting: Waiting = {
      inputs,
      rows: inputs[0]?.shape[0] ?? 1,
      key: this.#joins ? keyOf(inputs) : '',
      since: steadyMs(),
      alone: false,
      done: false,
      resolve,
      reject,
      timer: undefined,
    }
    waiting.timer = setTimeout(() => {
      this.#drop(waiting)
      reject(new ServeError(504, `there was no answer within ${timeoutMs} ms`, 1))
    }, timeoutMs)
    this.#queue.push(waiting)
    this.pump()
    return { outputs: promise, cancel: () => this.#drop(waiting) }
  }

  /** Gives the worker what it has room for. Called when it has become ready, or answered. */
  pump(): void {
    const { worker } = this.#options
    while (worker.state === 'ready' && worker.inFlight < limits.batchesAtWorker && this.#queue.length > 0) {
      const batch = this.#take()
      if (batch === null) return
      void this.#send(batch)
    }
  }

  /** Refuses all that wait: the model is gone. */
  rejectAll(error: Error): void {
    clearTimeout(this.#delay)
    for (const waiting of this.#queue.splice(0)) finish(waiting, () => waiting.reject(error))
  }

  get #joins(): boolean {
    return !this.#single && this.#options.maxBatch > 1 && this.#options.worker.loaded?.batches === true
  }

  /** The next batch, oldest first; null if it is worth waiting for more to join. */
  #take(): Waiting[] | null {
    const { maxBatch, batchDelayMs } = this.#options
    const first = this.#queue[0]!
    if (!this.#joins || first.alone) return [this.#queue.shift()!]
    const batch: Waiting[] = []
    let rows = 0
    let bytes = 0
    for (const waiting of this.#queue) {
      if (waiting.key !== first.key || waiting.alone) continue
      const more = sizeOf(waiting.inputs)
      if (batch.length > 0 && (rows + waiting.rows > maxBatch || bytes + more > limits.batchBytes)) break
      batch.push(waiting)
      rows += waiting.rows
      bytes += more
    }
    const waitMs = first.since + batchDelayMs - steadyMs()
    if (batchDelayMs > 0 && rows < maxBatch && waitMs > 0) {
      clearTimeout(this.#delay)
      this.#delay = setTimeout(() => this.pump(), waitMs)
      return null
    }
    if (batch.length === this.#queue.length) this.#queue = []
    else {
      const taken = new Set(batch)
      this.#queue = this.#queue.filter((waiting) => !taken.has(waiting))
    }
    return batch
  }

  async #send(batch: Waiting[]): Promise<void> {
    const { worker, onBatch } = this.#options
    const began = steadyMs()
    try {
      const outputs = await worker.run(join(batch))
      onBatch(rowsOf(batch), steadyMs() - began)
      if (batch.length === 1) finish(batch[0]!, () => batch[0]!.resolve(outputs))
      else this.#share(batch, outputs)
    } catch (error) {
      if (error instanceof NotBegun) this.#again(batch, false)
      else if (batch.length > 1) this.#again(batch, true)
      else finish(batch[0]!, () => batch[0]!.reject(error as Error))
    }
    this.pump()
  }

  #share(batch: Waiting[], outputs: Tensor[]): void {
    const rows = rowsOf(batch)
    if (outputs.some(({ shape }) => shape[0] !== rows)) {
      this.#single = true
      this.#again(batch, true)
      return
    }
    const cuts = outputs.map((output) => cutter(output))
    let from = 0
    for (const waiting of batch) {
      const [begin, end] = [from, from + waiting.rows]
      finish(waiting, () => waiting.resolve(cuts.map((cut) => cut(begin, end))))
      from = end
    }
  }

  #again(batch: Waiting[], alone: boolean): void {
    const open = batch.filter(({ done }) => !done)
    for (const waiting of open) waiting.alone ||= alone
    this.#queue.unshift(...open)
  }

  #drop(waiting: Waiting): void {
    if (waiting.done) return
    finish(waiting, () => {})
    const at = this.#queue.indexOf(waiting)
    if (at >= 0) this.#queue.splice(at, 1)
  }
}

function finish(waiting: Waiting, settle: () => void): void {
  if (waiting.done) return
  waiting.done = true
  clearTimeout(waiting.timer)
  settle()
}

const rowsOf = (batch: readonly Waiting[]): number => batch.reduce((sum, { rows }) => sum + rows, 0)

const sizeOf = (inputs: readonly Tensor[]): number => inputs.reduce((sum, { bytes }) => sum + bytes.length, 0)

/** Names, types and all but the first dimension; empty rows and inputs of different lengths stay by themselves. */
function keyOf(inputs: readonly Tensor[]): string {
  const rows = inputs[0]?.shape[0]
  let key = ''
  for (const { name, type, shape } of inputs) {
    if (shape[0] !== rows || shape.length === 0) return `alone ${uniqueKey++}`
    key += `${name}:${type}:`
    for (let axis = 1; axis < shape.length; axis++) key += `${shape[axis]},`
  }
  return key
}

let uniqueKey = 0

function join(batch: readonly Waiting[]): TensorParts[] {
  const [first] = batch
  const rows = rowsOf(batch)
  return first!.inputs.map(({ name, type, shape }, index) => ({
    name,
    type,
    shape: batch.length === 1 ? shape : [rows, ...shape.slice(1)],
    parts: batch.map(({ inputs }) => inputs[index]!.bytes),
  }))
}

/** Takes rows of an output. */
function cutter({ name, type, shape, bytes }: Tensor): (begin: number, end: number) => Tensor {
  const perRow = countOf(shape.slice(1))
  const shapeOf = (rows: number): number[] => [rows, ...shape.slice(1)]
  if (type === 'string') {
    const values = unpackStrings(bytes) ?? []
    const part = (begin: number, end: number) => packStrings(values.slice(begin * perRow, end * perRow))
    return (begin, end) => ({ name, type, shape: shapeOf(end - begin), bytes: part(begin, end) })
  }
  const rowBytes = perRow * dataTypes[type].bytes
  return (begin, end) => ({
    name,
    type,
    shape: shapeOf(end - begin),
    bytes: bytes.subarray(begin * rowBytes, end * rowBytes),
  })
}
