import { createHash } from 'node:crypto'
import type { Gang } from '../task.ts'

/**
 * The gang of a task that is started by itself, has files in `/generated`, and serves something: on engines whose tasks
 * share the network of the machine its ports listen at an address that is its own, so that two may have the same port
 * and none takes another's place.
 *
 * @param id of the owner; `hostname` with an address made of it
 */
export function aloneGang(id: string, hostname: string, files: Record<string, string> = {}): Gang {
  return { id, size: 1, hostname, hosts: { [hostname]: addressOf(id) }, listensAtHost: true, files }
}

/**
 * One of two million loopback addresses: all of 127.0.0.0/8 is this machine (RFC 1122). Where two come to the same one,
 * a task waits for its port.
 */
function addressOf(id: string): string {
  const [first = 0, second = 0, third = 0] = createHash('sha256').update(id).digest()
  return `127.${80 + (first % 32)}.${second}.${1 + (third % 254)}`
}
