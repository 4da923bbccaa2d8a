import { execFile } from 'node:child_process'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { promisify } from 'node:util'

import { SetupFailure } from './exit.ts'
import { type Bridge, findFirewall, type Firewall } from './firewall.ts'

const run = promisify(execFile)

/** Link-local addresses, where clouds tell a machine its secrets: https://www.rfc-editor.org/rfc/rfc3927 */
const linkLocal = '169.254.0.0/16'
/** The same of Amazon, over IPv6: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html */
const amazon6 = 'fd00:ec2::254'

/** Marks our rules, and goes before those that lead out. */
const preference = '1169'
const commandMs = 10_000

/** What listens somewhere: a name, an address, or the path of a socket, which means this machine. */
export interface Endpoint {
  host: string
  port: number
}

/** A network of ours, as the daemon describes it. */
export interface GuardedNetwork extends Bridge {
  subnets: string[]
}

/** Where a request would lead that must not: to this machine, or to addresses of others. */
interface Targets {
  isHere: boolean
  elsewhere: string[]
}

/**
 * Keeps containers from the addresses at which a cloud tells its machines who they are, with keys that are good for
 * more than any task should, and from the database of the server. A rule of the kernel's routing for each of our networks
 * says that there is no way to another machine: it needs no firewall, and is asked before any other route. Ports of this
 * machine are no matter of routes, and are closed by its firewall.
 */
export class NetworkGuard {
  readonly #path: string
  readonly #instance: string
  readonly #kept: Endpoint | null
  /** What was done for each network. */
  readonly #blocked = new Map<string, string>()
  #firewall: Promise<Firewall | null> | null = null

  /** `path`: folders of programs. `instance`: whose rules they are. `kept`: where the database is, if one listens. */
  constructor(path: string, instance: string, kept: Endpoint | null) {
    // A server that is no login shell often lacks these, where such programs are.
    this.#path = `${path}:/usr/sbin:/sbin`
    this.#instance = instance
    this.#kept = kept
  }

  /** There is a database to keep. */
  get isNeeded(): boolean {
    return this.#kept !== null
  }

  /** From now on nothing in a network reaches what it must not. Throws when the firewall does not do as it is told. */
  async block(network: GuardedNetwork): Promise<void> {
    if (!isRoot()) return
    const targets = await this.#targets()
    const wish = JSON.stringify([network, targets])
    if (this.#blocked.get(network.network) === wish) return
    for (const subnet of network.subnets) {
      // An earlier server may have left some.
      await this.#clearRoutes(subnet)
      for (const target of [linkLocal, amazon6]) await this.#rule('add', subnet, ['to', target, 'prohibit'])
      const port = ['ipproto', 'tcp', 'dport', String(this.#kept?.port ?? 0)]
      for (const target of targets.elsewhere) await this.#rule('add', subnet, ['to', target, ...port, 'prohibit'])
    }
    const firewall = targets.isHere ? await this.#findFirewall() : null
    await firewall?.close(network, this.#kept?.port ?? 0).catch((error: unknown) => {
      throw refusal(firewall, error)
    })
    this.#blocked.set(network.network, wish)
  }

  /** Takes back what was done for a network, now or by an earlier server. */
  async unblock({ network, subnets }: Pick<GuardedNetwork, 'network' | 'subnets'>): Promise<void> {
    this.#blocked.delete(network)
    if (!isRoot()) return
    for (const subnet of subnets) await this.#clearRoutes(subnet)
    await (await this.#findFirewall())?.open(network)
  }

  /** Opens what was closed for networks that are no more: a server that was killed leaves such. */
  async sweep(networks: readonly string[]): Promise<void> {
    const firewall = await this.#findFirewall()
    for (const network of (await firewall?.list()) ?? []) if (!networks.includes(network)) await firewall?.open(network)
  }

  /** Why the database can be reached from containers, or null: it cannot. */
  async gap(): Promise<string | null> {
    if (this.#kept === null) return null
    if (!isRoot()) return 'the server is not root'
    const { isHere } = await this.#targets()
    if (isHere && (await this.#findFirewall()) === null) return 'neither iptables nor nft is here and works'
    return null
  }

  async #targets(): Promise<Targets> {
    if (this.#kept === null) return { isHere: false, elsewhere: [] }
    const { host } = this.#kept
    if (host === '' || host.startsWith('/')) return { isHere: true, elsewhere: [] }
    // A name that nobody knows leads nowhere, for containers too.
    const found = isIP(host) === 0 ? await lookup(host, { all: true }).catch(() => []) : [{ address: host }]
    const addresses = found.map(({ address }) => address).toSorted()
    const here = ownAddresses()
    return {
      isHere: addresses.some((address) => here.has(address) || isLoopback(address)),
      elsewhere: addresses.filter((address) => !here.has(address) && !isLoopback(address)),
    }
  }

  #findFirewall(): Promise<Firewall | null> {
    return (this.#firewall ??= findFirewall(this.#path, this.#instance))
  }

  /** All rules of a subnet, whatever they lead to. */
  async #clearRoutes(subnet: string): Promise<void> {
    while (await this.#rule('del', subnet, []));
  }

  /** Answers false if it was not there, or could not be made. */
  async #rule(verb: 'add' | 'del', subnet: string, words: string[]): Promise<boolean> {
    const family = subnet.includes(':') ? '-6' : '-4'
    const [, target] = words
    if (target !== undefined && target.includes(':') !== subnet.includes(':')) return false
    try {
      const all = [family, 'rule', verb, 'from', subnet, ...words, 'pref', preference]
      await run('ip', all, { timeout: commandMs, env: { PATH: this.#path } })
      return true
    } catch {
      return false
    }
  }
}

/** Nothing is started beside a database that stands open, as with an older kernel or one that lacks a module. */
function refusal({ program }: Firewall, error: unknown): SetupFailure {
  const said = String((error as { stderr?: unknown }).stderr ?? error).trim()
  const hint = `Try \`${program}\` by hand as root, or move the database to another machine.`
  return new SetupFailure(
    `${program} did not close the database of the server to containers: ${said} ${hint}`,
    'machine',
  )
}

const isRoot = (): boolean => process.getuid?.() === 0

const ownAddresses = (): Set<string> =>
  new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)))

/** Also what means any address: a client that is told so goes to its own machine. */
const isLoopback = (address: string): boolean => /^(127\.|0\.0\.0\.0$|::1?$|::ffff:127\.)/i.test(address)
