import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { AppError } from './app-error.ts'

/**
 * Where the server may be sent to fetch something on behalf of a user, who could otherwise reach through it what only
 * the server can. An address is judged after the name was looked up, and the connection is made to that very address.
 */
export interface OutboundRules {
  /** Throws AppError `fetch_refused` for an address that may not be asked. `host` is the name that led to it. */
  check(address: string, host: string, port: number): void
}

export interface OutboundOptions {
  /** Hosts of the private network, and of this machine, that may be asked: `minio.lan`, `minio.lan:9000` or `*`. */
  hosts: readonly string[]
  /** Ports of this server on this machine: never asked. */
  ownPorts: readonly number[]
}

export function makeOutboundRules({ hosts, ownPorts }: OutboundOptions): OutboundRules {
  const allowed = new Set(hosts.map((host) => host.toLowerCase()))
  return {
    check(address, host, port) {
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
      const refuse = (reason: string) => new AppError('fetch_refused', { host, reason })
      if (never.check(address, family)) throw refuse('its address is of no server, or that of a cloud’s metadata')
      if (ownPorts.includes(port) && isHere(address, family)) throw refuse('it is this server itself')
      if (!inside.check(address, family)) return
      const name = host.toLowerCase()
      if (allowed.has('*') || allowed.has(name) || allowed.has(`${name}:${port}`)) return
      throw refuse('its address is in a private network')
    },
  }
}

/**
 * Link-local addresses, where clouds have their metadata; other addresses of metadata (AWS by IPv6, Alibaba, Azure,
 * Oracle); and what is no address of one host. See https://www.iana.org/assignments/iana-ipv4-special-registry and
 * its twin for IPv6. An IPv4 address that IPv6 carries is judged as such.
 */
const never = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['192.0.0.192', 32],
  ['224.0.0.0', 3],
] as const) {
  never.addSubnet(net, bits, 'ipv4')
}
for (const [net, bits] of [
  ['::', 128],
  ['fe80::', 10],
  ['ff00::', 8],
  ['fd00:ec2::254', 128],
] as const) {
  never.addSubnet(net, bits, 'ipv6')
}

/** This machine, private networks, and ways of writing IPv4 addresses in IPv6 that lead who knows where. */
const inside = new BlockList()
for (const [net, bits] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
] as const) {
  inside.addSubnet(net, bits, 'ipv4')
}
for (const [net, bits] of [
  ['::1', 128],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fec0::', 10],
] as const) {
  inside.addSubnet(net, bits, 'ipv6')
}

function isHere(address: string, family: 'ipv4' | 'ipv6'): boolean {
  const own = new BlockList()
  own.addSubnet('127.0.0.0', 8, 'ipv4')
  own.addAddress('::1', 'ipv6')
  for (const found of Object.values(networkInterfaces()).flat()) {
    if (found) own.addAddress(found.address, found.family === 'IPv6' ? 'ipv6' : 'ipv4')
  }
  return own.check(address, family)
}
