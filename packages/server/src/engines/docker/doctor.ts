import type { Finding } from '../engine.ts'
import { type Daemon, type DaemonInfo, wordsOf } from './daemon.ts'

const hint =
  'Install Docker or Podman (`apt-get install podman`), start it (`podman system service --time=0`), or name its socket in the settings: `docker: {socket: …}`.'

/** What `nabla doctor` says of containers on this machine. */
export async function examine(daemon: Daemon): Promise<Finding[]> {
  const topic = 'container engine'
  try {
    const [info, socket] = [await daemon.info(), await daemon.socket()]
    const name = `${info.name === 'podman' ? 'Podman' : 'Docker'} ${info.version}`
    const message = `${name} at ${socket}${info.rootless ? ', without root' : ''}.`
    return [{ level: 'ok', topic, message }, ...limitsOf(info)]
  } catch (error) {
    return [{ level: 'problem', topic, message: wordsOf(error), hint }]
  }
}

function limitsOf({ unlimited }: DaemonInfo): Finding[] {
  if (unlimited.length === 0) return []
  const message = `Containers are not limited in: ${unlimited.join(', ')}.`
  const hint = 'Let the container engine use control groups; without root that needs version 2 and systemd.'
  return [{ level: 'warning', topic: 'container limits', message, hint }]
}
