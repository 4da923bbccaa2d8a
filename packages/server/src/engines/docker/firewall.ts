import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const commandMs = 10_000

/** A network of ours: what its rules are called, and where its packets come in. */
export interface Bridge {
  network: string
  /** Name of the interface of this machine. */
  interface: string
}

/**
 * Keeps what comes from a network away from ports of this machine, whatever address of it is asked for. Packets are
 * dropped before any other rule may send them elsewhere. Rules carry the name of the network and that of the server.
 */
export interface Firewall {
  readonly program: 'nft' | 'iptables'
  /** Closes a port, and opens those that were closed before. Throws when that cannot be done. */
  close(bridge: Bridge, port: number): Promise<void>
  open(network: string): Promise<void>
  /** Networks that have rules of this server. */
  list(): Promise<string[]>
}

/** The firewall that this process may change, or null. `path`: folders of programs. */
export async function findFirewall(path: string, instance: string): Promise<Firewall | null> {
  if (process.getuid?.() !== 0) return null
  for (const make of [iptables, nft]) {
    const firewall = make(path, instance)
    const works = await firewall.list().then(
      () => true,
      () => false,
    )
    if (works) return firewall
  }
  return null
}

/** https://www.netfilter.org/projects/iptables/: a rule for each of IPv4 and IPv6, known by its comment. */
export function iptables(path: string, instance: string): Firewall {
  const call = async (program: string, words: string[]) =>
    (await run(program, ['-w', '-t', 'raw', ...words], { timeout: commandMs, env: { PATH: path } })).stdout
  const rulesOf = async (program: string) => {
    const lines = (await call(program, ['-S', 'PREROUTING'])).split('\n')
    return lines.flatMap((line) => {
      const [, network, by] = /--comment "?(nabla-\w+) of (\w+)/.exec(line) ?? []
      return network === undefined || by !== instance ? [] : { network, line }
    })
  }
  // A machine may be without IPv6, and then nobody comes in by it.
  const programs = async () =>
    (await call('ip6tables', ['-S', 'PREROUTING']).then(
      () => true,
      () => false,
    ))
      ? ['iptables', 'ip6tables']
      : ['iptables']
  const open = async (network: string) => {
    for (const program of await programs())
      for (const one of await rulesOf(program))
        if (one.network === network) await call(program, ['-D', ...wordsOf(one.line).slice(1)])
  }
  return {
    program: 'iptables',
    async close(bridge, port) {
      await open(bridge.network)
      const from = ['-I', 'PREROUTING', '-i', bridge.interface, '-m', 'addrtype', '--dst-type', 'LOCAL']
      const comment = ['-m', 'comment', '--comment', `${bridge.network} of ${instance}`]
      const rule = [...from, '-p', 'tcp', '--dport', String(port), ...comment, '-j', 'DROP']
      for (const program of await programs()) await call(program, rule)
    },
    open,
    list: async () => (await rulesOf('iptables')).map(({ network }) => network),
  }
}

/** https://wiki.nftables.org: a table for each network, which is there whole or not at all. */
export function nft(path: string, instance: string): Firewall {
  const call = async (...words: string[]) =>
    (await run('nft', words, { timeout: commandMs, env: { PATH: path } })).stdout
  const list = async () => {
    const tables = (await call('list', 'tables')).matchAll(/^table inet (nabla-\w+)-of-(\w+)$/gm)
    return [...tables].flatMap(([, network = '', by]) => (by === instance ? network : []))
  }
  const tableOf = (network: string) => `inet ${network}-of-${instance}`
  return {
    program: 'nft',
    async close({ network, interface: bridge }, port) {
      const table = tableOf(network)
      const rule = `iifname "${bridge}" fib daddr type local tcp dport ${port} drop`
      // To begin with a table that is there, so that it can be deleted in the same step.
      const steps = [
        `add table ${table}`,
        `delete table ${table}`,
        `add table ${table}`,
        `add chain ${table} closed { type filter hook prerouting priority raw; policy accept; }`,
        `add rule ${table} closed ${rule}`,
      ]
      await call(steps.join('; '))
    },
    async open(network) {
      if ((await list()).includes(network)) await call('delete', 'table', 'inet', `${network}-of-${instance}`)
    },
    list,
  }
}

/** Words of a rule as iptables shows it, some in quotes. */
const wordsOf = (rule: string): string[] =>
  [...rule.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
