import type { Deps } from '../../deps.ts'
import type { ImageRule, StoredImage } from '../../engines/engine.ts'
import { limits } from '../../lib/limits.ts'
import { resolveLogin } from '../registry.ts'
import { allWanted, type WantedImage } from './wanted.ts'

const dayMs = 24 * 3_600_000

/** Fetches ahead the images that are wanted, and collects those that no rule keeps, beside all else. */
export class ImageKeeper {
  readonly #deps: Deps
  #dueAt = -Infinity
  #tending = false
  /** Images that could not be fetched: why, how often, and when (steady) it is tried again. */
  readonly #failures = new Map<string, { reason: string; count: number; notBefore: number }>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Something else is wanted: the next look comes as soon as it can. */
  hurry(): void {
    this.#dueAt = -Infinity
  }

  /** Why an image could not be fetched ahead. */
  problemOf({ engine, image }: Pick<WantedImage, 'engine' | 'image'>): string | null {
    return this.#failures.get(keyOf(engine, image))?.reason ?? null
  }

  /** To be called now and then by whoever holds the lease of the control loop. Never throws. */
  async tend(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps
    if (this.#tending || clock.steady() < this.#dueAt) return
    this.#tending = true
    this.#dueAt = clock.steady() + limits.imagesMs
    try {
      for (const wanted of await this.#toFetch()) await this.#fetch(wanted, signal)
      if (!signal.aborted) await this.collect()
    } catch (error) {
      // The daemon is away, and images cannot be looked at.
      if (!signal.aborted) log.debug({ err: error }, 'images could not be looked after')
    } finally {
      this.#tending = false
    }
  }

  /** Removes what the rule of the settings does not keep. */
  async collect(): Promise<StoredImage[]> {
    const { config, engines, log } = this.#deps
    const { keepDays, maxBytes, which } = config.docker.images
    const rule: ImageRule = { keepMs: keepDays === null ? null : keepDays * dayMs, maxBytes, which }
    const wanted = await allWanted(this.#deps)
    const gone: StoredImage[] = []
    for (const [name, { images }] of engines) {
      const names = wanted.filter(({ engine }) => engine === name).map(({ image }) => image)
      gone.push(...((await images?.collect(rule, names)) ?? []))
    }
    if (gone.length > 0) log.info({ images: gone.flatMap(({ names, id }) => names[0] ?? id) }, 'collected images')
    return gone
  }

  /** Those that are wanted and not here, and whose turn it is. */
  async #toFetch(): Promise<WantedImage[]> {
    const wanted = await allWanted(this.#deps)
    const keys = new Set(wanted.map(({ engine, image }) => keyOf(engine, image)))
    for (const key of this.#failures.keys()) if (!keys.has(key)) this.#failures.delete(key)
    if (wanted.length === 0) return []
    const now = this.#deps.clock.steady()
    return wanted.filter(({ engine, image }) => (this.#failures.get(keyOf(engine, image))?.notBefore ?? 0) <= now)
  }

  async #fetch({ engine, image, teamId }: WantedImage, signal: AbortSignal): Promise<void> {
    const { engines, clock } = this.#deps
    const key = keyOf(engine, image)
    try {
      const login = teamId === null ? null : await resolveLogin(this.#deps, teamId, image, null)
      await engines.get(engine)?.images?.fetch(image, login, signal)
      this.#failures.delete(key)
    } catch (error) {
      if (signal.aborted) return
      const count = (this.#failures.get(key)?.count ?? 0) + 1
      const reason = error instanceof Error ? error.message : String(error)
      const pauseMs = Math.min(dayMs, limits.imageFetchRetryMs * 2 ** (count - 1))
      this.#failures.set(key, { reason, count, notBefore: clock.steady() + pauseMs })
    }
  }
}

const keyOf = (engine: string, image: string): string => `${engine} ${image}`
