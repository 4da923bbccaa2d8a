import type { Config, ModelConfig } from '../config.ts'
import { notFound } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { Version } from './version.ts'

export interface RepositoryOptions {
  log: Log
  metrics: Metrics
}

/** Which version somebody asks for; neither: the newest that is ready. */
export interface Which {
  version?: string | undefined
  label?: string | undefined
}

/** All models and their versions. A new one is loaded beside the old one and takes its place once it is ready. */
export class Repository {
  readonly #options: RepositoryOptions
  #config: Config
  #versions = new Map<string, Version>()
  #next = new Map<string, Version>()
  #wasReady = false
  #draining = false

  constructor(config: Config, options: RepositoryOptions) {
    this.#config = config
    this.#options = options
    for (const model of config.models) this.#add(model)
  }

  get config(): Config {
    return this.#config
  }

  /** All versions, also those that are not ready. */
  get versions(): Version[] {
    return [...this.#versions.values()]
  }

  /**
   * Whether requests should be sent here: all models have been loaded, and one at least is ready now. One that crashes does
   * not take the others out of service.
   */
  get ready(): boolean {
    if (this.#draining) return false
    const all = this.versions
    this.#wasReady ||= all.every(({ state }) => state === 'ready')
    return this.#wasReady && (all.length === 0 || all.some(({ state }) => state === 'ready'))
  }

  /** Why it is not ready: a sentence for each model that is not. */
  get reasons(): string[] {
    if (this.#draining) return ['the server is being stopped']
    return this.versions.filter(({ state }) => state !== 'ready').map((one) => one.unavailable().message)
  }

  /** Versions of a model, newest last. Throws a `ServeError` where there are none. */
  of(name: string): Version[] {
    const found = this.versions.filter((one) => one.name === name).toSorted(byVersion)
    if (found.length > 0) return found
    const names = [...new Set(this.versions.map((one) => one.name))]
    throw notFound(`there is no model ${name}: expected ${names.slice(0, 20).join(', ') || 'none, as none is loaded'}`)
  }

  /** The version that is asked for. Throws a `ServeError` where there is none. */
  find(name: string, { version, label }: Which = {}): Version {
    const all = this.of(name)
    const found =
      version !== undefined
        ? this.#versions.get(keyOf({ name, version }))
        : label !== undefined
          ? all.find(({ model }) => model.labels.includes(label))
          : (all.findLast(({ state }) => state === 'ready') ?? all.at(-1))
    if (found) return found
    const asked = version !== undefined ? `version ${version}` : `label ${label}`
    const known = all.map(({ version, model }) => [version, ...model.labels].join('=')).join(', ')
    throw notFound(`model ${name} has no ${asked}: expected one of ${known}`)
  }

  /** The model that is meant where an address names none: the only one. */
  get only(): string {
    const names = new Set(this.versions.map(({ name }) => name))
    const [first] = names
    if (first !== undefined && names.size === 1) return first
    throw notFound(`name the model in the address: ${[...names].join(', ') || 'none is loaded'}`)
  }

  /** Takes on another configuration: what is new or different is loaded, what is gone is unloaded. */
  async apply(config: Config): Promise<void> {
    const wanted = new Map(config.models.map((model) => [keyOf(model), model]))
    const before = this.#config
    this.#config = { ...config, host: before.host, port: before.port }
    for (const [key, version] of this.#versions) if (!wanted.has(key)) this.#remove(key, version)
    const changed = config.models.filter((model) => {
      const now = this.#versions.get(keyOf(model))
      return now === undefined || now.ended || JSON.stringify(now.model) !== JSON.stringify(model)
    })
    await Promise.all(changed.map((model) => this.#replace(model)))
  }

  /** Loads all versions of a model anew, each in a process of its own, and resolves when that is done. */
  async load(name: string): Promise<void> {
    const models = this.#config.models.filter((model) => model.name === name)
    if (models.length === 0) throw notFound(`the configuration has no model ${name}`)
    await Promise.all(models.map((model) => this.#replace(model)))
  }

  unload(name: string): void {
    for (const version of this.of(name)) this.#remove(keyOf(version), version)
  }

  get draining(): boolean {
    return this.#draining
  }

  /** From now on `ready` is false, so that nobody sends more. */
  drain(): void {
    this.#draining = true
  }

  stop(): void {
    for (const version of [...this.#versions.values(), ...this.#next.values()]) version.stop()
  }

  #make(model: ModelConfig): Version {
    const { python, limits } = this.#config
    return new Version({ model, python, limits, ...this.#options, onChange: () => this.#changed() })
  }

  #add(model: ModelConfig): Version {
    const version = this.#make(model)
    this.#versions.set(keyOf(model), version)
    return version
  }

  async #replace(model: ModelConfig): Promise<void> {
    const key = keyOf(model)
    const old = this.#versions.get(key)
    if (old === undefined || old.state !== 'ready') {
      old?.stop()
      return this.#add(model).settled.promise
    }
    this.#next.get(key)?.stop()
    const next = this.#make(model)
    this.#next.set(key, next)
    await next.settled.promise
    if (this.#next.get(key) !== next) return
    this.#next.delete(key)
    if (next.state !== 'ready') {
      const error = next.unavailable()
      this.#options.log(`the old one stays, since ${error.message}`)
      next.stop()
      throw error
    }
    this.#versions.set(key, next)
    old.retire()
  }

  #remove(key: string, version: Version): void {
    this.#next.get(key)?.stop()
    this.#next.delete(key)
    this.#versions.delete(key)
    version.retire()
  }

  #changed(): void {
    // Notes that all have been ready, before one of them is not any more.
    void this.ready
  }
}

const keyOf = ({ name, version }: { name: string; version: string }): string => `${name}/${version}`

/** Numbers by value, other names after them, by their text. */
function byVersion({ version: a }: Version, { version: b }: Version): number {
  const [x, y] = [Number(a), Number(b)]
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || (a < b ? -1 : 1)
  return x - y
}
