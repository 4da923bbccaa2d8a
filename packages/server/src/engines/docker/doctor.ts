import type { Finding } from '../engine.ts'
import { type Daemon, type DaemonInfo, wordsOf } from './daemon.ts'
import type { NetworkGuard } from './network-guard.ts'

const hint =
  'Install Docker or Podman (`apt-get install podman`), start it (`podman system service --time=0`), or name its socket in the settings: `docker: {socket: …}`.'

/** What `nabla doctor` says of containers on this machine. */
export async function examine(daemon: Daemon, guard: NetworkGuard): Promise<Finding[]> {
  const topic = 'container engine'
  try {
    const [info, socket] = [await daemon.info(), await daemon.socket()]
    const name = `${info.name === 'podman' ? 'Podman' : 'Docker'} ${info.version}`
    const message = `${name} at ${socket}${info.rootless ? ', without root' : ''}.`
    const apart = [...metadataOf(info), ...(await databaseOf(info, guard))]
    return [{ level: 'ok', topic, message }, ...limitsOf(info), ...apart, ...(await reachOf(daemon))]
  } catch (error) {
    return [{ level: 'problem', topic, message: wordsOf(error), hint }]
  }
}

/** Without root the network of containers is not that of this machine: nothing can be said about its routes. */
function metadataOf({ rootless }: DaemonInfo): Finding[] {
  if (process.getuid?.() === 0 && !rootless) return []
  const message = 'Containers may reach 169.254.169.254, where a cloud tells its machines their keys.'
  const hint = 'In a cloud, run the server and the container engine as root, or close that address to containers.'
  return [{ level: 'warning', topic: 'metadata addresses', message, hint }]
}

async function databaseOf({ rootless }: DaemonInfo, guard: NetworkGuard): Promise<Finding[]> {
  const gap = await guard.gap()
  if (gap === null && !(rootless && guard.isNeeded)) return []
  const message = `Containers may reach the database of the server, since ${gap ?? 'the container engine is without root'}.`
  const hint = 'Let the database listen on 127.0.0.1 alone, or keep its port with a firewall; give it a good password.'
  return [{ level: 'warning', topic: 'database', message, hint }]
}

async function reachOf(daemon: Daemon): Promise<Finding[]> {
  if (await daemon.isEnterable()) return []
  const message = 'Programs in containers cannot reach the server: what they track does not arrive.'
  const hint = 'Run the server as root, or Docker or Podman as the user of the server.'
  return [{ level: 'warning', topic: 'tracking in containers', message, hint }]
}

function limitsOf({ unlimited }: DaemonInfo): Finding[] {
  if (unlimited.length === 0) return []
  const message = `Containers are not limited in: ${unlimited.join(', ')}.`
  const hint = 'Let the container engine use control groups; without root that needs version 2 and systemd.'
  return [{ level: 'warning', topic: 'container limits', message, hint }]
}
