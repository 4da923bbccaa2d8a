import { createHash } from 'node:crypto'

import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import { type Daemon, statusOf, wordsOf } from './daemon.ts'
import { instanceLabel } from './container.ts'
import { SetupFailure } from './exit.ts'
import type { GuardedNetwork, NetworkGuard } from './network-guard.ts'

/** Scope of tasks that say none. */
const noScope = 'none'
const nameDigits = 12

/**
 * A bridge network for each scope that has tasks: containers reach those of their own scope, and the world. It is made
 * for the first task, and stays a while after the last one: the next is often about to come.
 */
export class Networks {
  readonly #daemon: Daemon
  readonly #instance: string
  readonly #clock: Clock
  readonly #guard: NetworkGuard
  /** Tasks that use a network, by its name. */
  readonly #users = new Map<string, Set<string>>()
  /** What is done to a network, one thing after the other. */
  readonly #work = new Map<string, Promise<unknown>>()
  /** Networks that nobody uses, with what keeps them from being removed later. */
  readonly #idle = new Map<string, () => void>()

  constructor(daemon: Daemon, instance: string, clock: Clock, guard: NetworkGuard) {
    this.#daemon = daemon
    this.#instance = instance
    this.#clock = clock
    this.#guard = guard
  }

  nameOf(scope: string | undefined): string {
    const text = `${this.#instance} ${scope ?? noScope}`
    return `nabla-${createHash('sha256').update(text).digest('hex').slice(0, nameDigits)}`
  }

  /** From now on the network of a scope is not removed, until the task lets go of it. */
  hold(scope: string | undefined, task: string): void {
    const name = this.nameOf(scope)
    this.#users.set(name, (this.#users.get(name) ?? new Set()).add(task))
    this.#idle.get(name)?.()
    this.#idle.delete(name)
  }

  /** Makes the network of a scope if it is not there, and answers with its name. */
  ensure(scope: string | undefined): Promise<string> {
    const name = this.nameOf(scope)
    return this.#inTurn(name, () => this.#make(name))
  }

  /** The task uses it no more; without any, it is removed after a while. */
  release(scope: string | undefined, task: string): void {
    const name = this.nameOf(scope)
    const users = this.#users.get(name)
    users?.delete(task)
    if (users && users.size > 0) return
    this.#users.delete(name)
    this.#idle.get(name)?.()
    const cancel = this.#clock.after(limits.networkIdleMs, () => {
      this.#idle.delete(name)
      // One that cannot be removed now is found by the sweep of the next start.
      void this.#removeUnused(name).catch(() => {})
    })
    this.#idle.set(name, cancel)
  }

  /** Removes those that no task uses. */
  async close(): Promise<void> {
    for (const cancel of this.#idle.values()) cancel()
    await this.#removeIdle().catch(() => {})
  }

  /** Removes those that an earlier server left and no task uses. */
  async sweep(): Promise<void> {
    for (const name of await this.#names()) if (!this.#idle.has(name)) await this.#removeUnused(name)
    await this.#guard.sweep(await this.#names())
  }

  async #removeIdle(): Promise<void> {
    const names = [...this.#idle.keys()]
    this.#idle.clear()
    await Promise.all(names.map((name) => this.#removeUnused(name)))
  }

  #removeUnused(name: string): Promise<void> {
    return this.#inTurn(name, () => (this.#users.has(name) ? Promise.resolve() : this.#removeNamed(name)))
  }

  /** Docker makes a second network of the same name when it is asked twice at the same time. */
  #inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#work.get(name) ?? Promise.resolve()
    const done = before.then(work)
    const settled = done
      .catch(() => {})
      .finally(() => {
        if (this.#work.get(name) === settled) this.#work.delete(name)
      })
    this.#work.set(name, settled)
    return done
  }

  async #make(name: string): Promise<string> {
    const network = (await this.#find(name)) ?? (await this.#create(name))
    if (network) await this.#guard.block(network)
    return name
  }

  async #create(name: string): Promise<GuardedNetwork | null> {
    const docker = await this.#daemon.calls()
    // Docker keeps bridges from each other by itself; netavark, the network of Podman, does when told to.
    const options = (await this.#daemon.info()).name === 'podman' ? { isolate: 'true' } : {}
    const labels = { [instanceLabel]: this.#instance }
    const create = () => docker.createNetwork({ Name: name, Driver: 'bridge', Labels: labels, Options: options })
    try {
      await create().catch(async (error: unknown) => {
        if (!isFull(error) || this.#idle.size === 0) throw error
        await this.#removeIdle()
        await create()
      })
    } catch (error) {
      if (!/already exists|already used/i.test(wordsOf(error)) && !(await this.#find(name))) throw networkFailure(error)
    }
    return this.#find(name)
  }

  async #removeNamed(name: string): Promise<void> {
    const subnets = (await this.#find(name))?.subnets ?? []
    try {
      await (await this.#daemon.calls()).getNetwork(name).remove()
    } catch (error) {
      if (statusOf(error) === undefined) throw error
      // In use by a container that is not ours, unless it has gone already.
      if (statusOf(error) !== 404) return
    }
    await this.#guard.unblock({ network: name, subnets })
  }

  /** Null when there is no such network. */
  async #find(name: string): Promise<GuardedNetwork | null> {
    try {
      if ((await this.#daemon.info()).name === 'podman') {
        const found = await this.#askPodman<PodmanNetwork>(`networks/${name}/json`)
        const subnets = (found.subnets ?? []).map(({ subnet }) => subnet)
        return { network: name, subnets, interface: found.network_interface }
      }
      const { Id, IPAM, Options } = (await (await this.#daemon.calls()).getNetwork(name).inspect()) as DockerNetwork
      const subnets = (IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? [])
      return { network: name, subnets, interface: Options?.[bridgeOption] ?? `br-${Id.slice(0, bridgeDigits)}` }
    } catch (error) {
      if (statusOf(error) === 404) return null
      throw error
    }
  }

  /** Names of those that are ours. */
  async #names(): Promise<string[]> {
    const filters = { label: [`${instanceLabel}=${this.#instance}`] }
    if ((await this.#daemon.info()).name === 'podman') {
      const query = new URLSearchParams({ filters: JSON.stringify(filters) })
      return (await this.#askPodman<PodmanNetwork[]>(`networks/json?${query.toString()}`)).map(({ name }) => name)
    }
    return (await (await this.#daemon.calls()).listNetworks({ filters })).map(({ Name }) => Name)
  }

  /**
   * Asks Podman in its own words. Podman 4 that is asked for a network as one asks Docker forgets that it is to be kept
   * from others: containers that are started in it from then on can be reached from anywhere.
   */
  async #askPodman<T>(path: string): Promise<T> {
    const { modem } = (await this.#daemon.calls()) as unknown as { modem: Modem }
    return new Promise((resolve, reject) => {
      const options = {
        path: `/v4.0.0/libpod/${path}`,
        method: 'GET',
        statusCodes: { 200: true, 404: 'no such network' },
      }
      modem.dial(options, (error, found) => (error ? reject(error) : resolve(found as T)))
    })
  }
}

interface Modem {
  dial(options: object, done: (error: Error | null, found: unknown) => void): void
}

/** How Docker names the interfaces of its networks, unless told otherwise: https://docs.docker.com/engine/network/drivers/bridge/ */
const bridgeDigits = 12
const bridgeOption = 'com.docker.network.bridge.name'

interface DockerNetwork {
  Id: string
  Options?: Record<string, string> | null
  IPAM?: { Config?: { Subnet?: string }[] | null }
}

interface PodmanNetwork {
  name: string
  network_interface: string
  subnets?: { subnet: string }[]
}

function networkFailure(error: unknown): unknown {
  if (statusOf(error) === undefined) return error
  const words = wordsOf(error)
  const hint = isFull(error) ? ' The addresses set aside for networks are used up: see `default-address-pools`.' : ''
  return new SetupFailure(`The network for it could not be made: ${words}.${hint}`, 'machine')
}

const isFull = (error: unknown): boolean =>
  /address pools? .*(exhausted|subnetted)|could not find (an available|free)/i.test(wordsOf(error))
