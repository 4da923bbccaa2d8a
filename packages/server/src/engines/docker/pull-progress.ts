import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { DaemonMessage } from './daemon-messages.ts'

interface Layer {
  current: number
  total: number
  done: boolean
}

const MB = 1e6

/** Makes of many small messages a few lines for a person: one for each layer, and how far it is now and then. */
export class PullProgress {
  readonly #clock: Clock
  readonly #say: (line: string) => void
  readonly #layers = new Map<string, Layer>()
  #toldAt: number

  constructor(clock: Clock, say: (line: string) => void) {
    this.#clock = clock
    this.#say = say
    this.#toldAt = clock.steady()
  }

  take({ id, status = '', progressDetail = {} }: DaemonMessage): void {
    if (id === undefined || !isLayer(id, status)) return
    const layer = this.#layers.get(id) ?? { current: 0, total: 0, done: false }
    this.#layers.set(id, layer)
    const { current = 0, total = 0 } = progressDetail
    if (status === 'Downloading') {
      layer.current = current
      layer.total = Math.max(total, current)
    }
    if (status === 'Already exists') this.#done(id, layer, 'here already')
    // Docker goes on to unpack it; Podman has no more to say.
    if (status === 'Download complete' || status === 'Pull complete') this.#done(id, layer, 'fetched')
    if (this.#clock.steady() - this.#toldAt >= limits.pullToldMs) this.#tell()
  }

  #done(id: string, layer: Layer, how: string): void {
    if (layer.done) return
    layer.done = true
    layer.current = layer.total
    this.#say(`Layer ${id}: ${how}${sizeOf(layer.total)}`)
  }

  /** Bytes that have come; the rest may be here already. */
  #tell(): void {
    this.#toldAt = this.#clock.steady()
    const layers = [...this.#layers.values()]
    const done = layers.filter((layer) => layer.done).length
    const came = layers.reduce((sum, layer) => sum + layer.current, 0)
    const total = layers.reduce((sum, layer) => sum + layer.total, 0)
    const bytes = total > 0 ? `, ${inMB(came)} of ${inMB(total)}` : ''
    const what = done < layers.length ? `${done} of ${layers.length} layers fetched${bytes}` : 'Unpacking'
    this.#say(what)
  }
}

function isLayer(id: string, status: string): boolean {
  return /^[0-9a-f]{12,64}$/.test(id) && !status.startsWith('Pulling from')
}

const inMB = (bytes: number): string => `${(bytes / MB).toFixed(bytes < 10 * MB ? 1 : 0)} MB`
const sizeOf = (bytes: number): string => (bytes > 0 ? ` (${inMB(bytes)})` : '')
