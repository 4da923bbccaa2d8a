import { Agent } from 'node:http'
import type { Address } from '../engines/engine.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import { errorCode } from '../lib/file-error.ts'
import { limits } from '../lib/limits.ts'
import type { FindServed, Served } from './served.ts'

/** Where what is served answers now. */
export interface Upstream {
  served: Served
  address: Address
}

/**
 * Finds where tasks listen, and waits for a bounded moment for one that is on its way. An address is kept for a few
 * seconds: asking an engine for it may be a call to another program.
 */
export class Upstreams {
  readonly agent = new Agent({
    keepAlive: true,
    maxSockets: limits.proxyConnections,
    maxFreeSockets: limits.proxySpareConnections,
    timeout: limits.proxyIdleMs,
    noDelay: true,
    scheduling: 'lifo',
  })
  readonly #deps: Pick<Deps, 'engines' | 'clock'>
  readonly #find: FindServed
  readonly #known = new Map<string, { address: Address; until: number }>()

  constructor(deps: Pick<Deps, 'engines' | 'clock'>, find: FindServed) {
    this.#deps = deps
    this.#find = find
  }

  /**
   * Calls `use` with the address, again and again while it fails with `ECONNREFUSED` before the deadline: a task
   * that has begun may not listen yet. Throws AppError `not_serving` or `not_listening`.
   */
  async reach<T>(
    label: string,
    first: Served,
    signal: AbortSignal,
    use: (upstream: Upstream) => Promise<T>,
  ): Promise<T> {
    const { clock } = this.#deps
    const deadline = clock.steady() + limits.proxyWaitMs
    for (let served = first; ;) {
      const found = served.task ? await this.#addressOf(served, served.task) : null
      try {
        if (found) return await use({ served, address: found })
      } catch (error) {
        if (!notYetCodes.has(errorCode(error) ?? '')) throw error
        this.#known.delete(keyOf(served))
      }
      if (!served.task && !served.starting) throw notServing(served)
      if (signal.aborted || clock.steady() >= deadline) {
        throw served.task ? new AppError('not_listening', { name: served.name, port: served.port }) : notServing(served)
      }
      await pause(clock, limits.proxyRetryMs, signal)
      const next = await this.#find(label)
      if (!next) throw new AppError('not_served')
      served = next
    }
  }

  close(): void {
    this.agent.destroy()
  }

  async #addressOf(served: Served, task: { id: string; engine: string }): Promise<Address | null> {
    const key = keyOf(served)
    const now = this.#deps.clock.steady()
    const known = this.#known.get(key)
    if (known && known.until > now) return known.address
    const found = (await this.#deps.engines.get(task.engine)?.address(task.id, served.port)) ?? null
    if (this.#known.size >= limits.proxyAddresses) this.#known.clear()
    if (found) this.#known.set(key, { address: found, until: now + limits.proxyAddressMs })
    return found
  }
}

/** Nothing listens there, or the network of the task is not up yet. */
const notYetCodes = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'])

const keyOf = ({ task, port }: Served): string => `${task?.id}:${port}`

const notServing = ({ name, reason }: Served): AppError =>
  new AppError('not_serving', { name, reason: reason ?? 'it does not run' })

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve)
    signal.addEventListener('abort', () => (cancel(), resolve()), { once: true })
  })
}
