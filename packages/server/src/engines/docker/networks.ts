import { createHash } from 'node:crypto'

import { type Daemon, statusOf, wordsOf } from './daemon.ts'
import { instanceLabel } from './container.ts'
import { SetupFailure } from './exit.ts'

/** Scope of tasks that say none. */
const noScope = 'none'
const nameDigits = 12

/** A bridge network for each scope that has tasks: containers reach those of their own scope, and the world. */
export class Networks {
  readonly #daemon: Daemon
  readonly #instance: string
  readonly #making = new Map<string, Promise<string>>()

  constructor(daemon: Daemon, instance: string) {
    this.#daemon = daemon
    this.#instance = instance
  }

  nameOf(scope: string | undefined): string {
    const text = `${this.#instance} ${scope ?? noScope}`
    return `nabla-${createHash('sha256').update(text).digest('hex').slice(0, nameDigits)}`
  }

  /** Makes the network of a scope if it is not there, and answers with its name. */
  ensure(scope: string | undefined): Promise<string> {
    const name = this.nameOf(scope)
    // Docker makes a second one of the same name when it is asked twice at the same time.
    const making = this.#making.get(name) ?? this.#make(name).finally(() => this.#making.delete(name))
    this.#making.set(name, making)
    return making
  }

  async #make(name: string): Promise<string> {
    const docker = await this.#daemon.calls()
    if (await this.#exists(name)) return name
    // Docker keeps bridges from each other by itself; netavark, the network of Podman, does when told to.
    const options = (await this.#daemon.info()).name === 'podman' ? { isolate: 'true' } : {}
    const labels = { [instanceLabel]: this.#instance }
    try {
      await docker.createNetwork({ Name: name, Driver: 'bridge', Labels: labels, Options: options })
    } catch (error) {
      if (!/already exists|already used/i.test(wordsOf(error)) && !(await this.#exists(name)))
        throw networkFailure(error)
    }
    return name
  }

  /** Removes the network of a scope, unless a container still uses it. */
  async remove(scope: string | undefined): Promise<void> {
    await this.#removeNamed(this.nameOf(scope))
  }

  /** Removes those that no scope of `scopes` uses. */
  async sweep(scopes: readonly (string | undefined)[]): Promise<void> {
    const kept = new Set(scopes.map((scope) => this.nameOf(scope)))
    const filters = { label: [`${instanceLabel}=${this.#instance}`] }
    for (const { Name } of await (await this.#daemon.calls()).listNetworks({ filters })) {
      if (!kept.has(Name)) await this.#removeNamed(Name)
    }
  }

  async #removeNamed(name: string): Promise<void> {
    try {
      await (await this.#daemon.calls()).getNetwork(name).remove()
    } catch (error) {
      // Gone already, or in use: then the last task that uses it removes it.
      if (statusOf(error) === undefined) throw error
    }
  }

  async #exists(name: string): Promise<boolean> {
    try {
      await (await this.#daemon.calls()).getNetwork(name).inspect()
      return true
    } catch (error) {
      if (statusOf(error) === 404) return false
      throw error
    }
  }
}

function networkFailure(error: unknown): unknown {
  if (statusOf(error) === undefined) return error
  const words = wordsOf(error)
  const full = /address pools? .*(exhausted|subnetted)|could not find (an available|free)/i.test(words)
  const hint = full ? ' The addresses set aside for networks are used up: see `default-address-pools`.' : ''
  return new SetupFailure(`The network for it could not be made: ${words}.${hint}`, 'machine')
}
