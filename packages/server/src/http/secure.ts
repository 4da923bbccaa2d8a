import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import type { Server } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { type Certificate, certifies, makeCertificate } from '../lib/certificate.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'

/** A second way to the same server, over TLS with a certificate of its own making, for clients that insist on it. */
export interface SecureDoor {
  /** Listens, unless it does already, and tells the port. Until somebody needs it, nothing listens. */
  open(): Promise<number>
  /** In PEM: whoever is to trust it has to be given it. */
  certificate(): string
  close(): Promise<void>
}

/**
 * Makes the door; `server` is what answers. The certificate is kept in the data folder, so that clients that know it
 * go on trusting it; another is made when the names of the server have changed or it is about to end.
 */
export function createSecureDoor(
  config: Pick<Config, 'data' | 'host' | 'allowHosts' | 'securePort'>,
  clock: Clock,
  server: () => Server,
): SecureDoor {
  let made: Certificate | undefined
  let listening: Promise<Server> | undefined
  const ensure = () => (made ??= readCertificate(config, clock.now()))

  const listen = async (): Promise<Server> => {
    const { certificate: cert, key } = ensure()
    const door = createServer({ cert, key, maxHeaderSize: limits.headerBytes, requestTimeout: 0 }, (...given) =>
      server().emit('request', ...given),
    )
    door.on('upgrade', (...given) => server().emit('upgrade', ...given))
    door.setTimeout(limits.idleMs)
    door.maxConnections = limits.connections
    await new Promise<void>((resolve, reject) => {
      door.once('error', reject)
      door.listen({ host: config.host, port: config.securePort }, resolve)
    })
    return door
  }

  return {
    certificate: () => ensure().certificate,
    async open() {
      listening ??= listen()
      try {
        return ((await listening).address() as AddressInfo).port
      } catch (error) {
        listening = undefined
        throw error
      }
    },
    async close() {
      const door = await listening?.catch(() => undefined)
      door?.closeAllConnections()
      await new Promise<void>((resolve) => (door ? door.close(() => resolve()) : resolve()))
    },
  }
}

function readCertificate(config: Pick<Config, 'data' | 'host' | 'allowHosts'>, now: number): Certificate {
  const path = join(config.data, 'certificate.json')
  const hosts = hostsOf(config)
  try {
    const kept = JSON.parse(readFileSync(path, 'utf8')) as Certificate
    if (certifies(kept.certificate, hosts, now)) return kept
  } catch {
    // There is none yet, or it is damaged: another is as good.
  }
  const made = makeCertificate(hosts, now)
  const file = openSync(`${path}.new`, 'w', 0o600)
  writeSync(file, JSON.stringify(made))
  fsyncSync(file)
  closeSync(file)
  renameSync(`${path}.new`, path)
  return made
}

function hostsOf({ host, allowHosts }: Pick<Config, 'host' | 'allowHosts'>): string[] {
  const everywhere = host === '0.0.0.0' || host === '::'
  const addresses = everywhere
    ? Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address.split('%', 1)[0]!))
    : [host]
  const names = [...addresses, 'localhost', '127.0.0.1', '::1', hostname(), ...allowHosts]
  return [...new Set(names)].filter((name) => /^[\w.:-]+$/.test(name)).toSorted()
}
