import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'

import type Docker from 'dockerode'

import { limits } from '../../lib/limits.ts'

type Environment = Record<string, string | undefined>

/** What answers at the socket. */
export interface DaemonInfo {
  name: 'docker' | 'podman'
  version: string
  /** The first user of a container is the one that the daemon runs as. */
  rootless: boolean
  storageDriver: string
  /** What the machine cannot limit, of `cpu`, `memory` and `pids`. */
  unlimited: string[]
  /** Folders with descriptions of devices, where the daemon reads any: https://github.com/cncf-tags/container-device-interface */
  cdi: boolean
  /** Runs containers with GPUs by itself. */
  nvidia: boolean
}

/** The daemon of Docker or Podman: looked for when it is first needed, and again when it has gone. */
export class Daemon {
  readonly #configured: string | undefined
  readonly #environment: Environment
  #found: Promise<Found> | null = null

  /** `socket`: path of a socket, from the settings. */
  constructor(socket: string | undefined, environment: Environment) {
    this.#configured = socket
    this.#environment = environment
  }

  /** For short calls: one that does not answer for long is given up. */
  async calls(): Promise<Docker> {
    return (await this.#find()).calls
  }

  /** For answers that go on for as long as they like. */
  async streams(): Promise<Docker> {
    return (await this.#find()).streams
  }

  async info(): Promise<DaemonInfo> {
    return (await this.#find()).info
  }

  async socket(): Promise<string> {
    return (await this.#find()).socket
  }

  /** Whether this process may enter the namespaces of containers; a daemon that is away leaves that open. */
  async isEnterable(): Promise<boolean> {
    const own = process.getuid?.()
    if (own === 0) return true
    const found = await this.#find().catch(() => null)
    return found !== null && found.info.rootless && statSync(found.socket).uid === own
  }

  /** Another one may answer, or this one may have become another version. */
  forget(): void {
    this.#found = null
  }

  #find(): Promise<Found> {
    this.#found ??= this.#look().catch((error: unknown) => {
      this.#found = null
      throw error
    })
    return this.#found
  }

  async #look(): Promise<Found> {
    const elsewhere = this.#configured === undefined ? addressElsewhere(this.#environment) : null
    if (elsewhere !== null) {
      const wish = 'Nabla needs one of this machine: unset it, or name a socket in the settings.'
      throw new DaemonAway(`DOCKER_HOST leads to ${elsewhere}. ${wish}`)
    }
    const sockets = this.#configured === undefined ? usualSockets(this.#environment) : [this.#configured]
    const problems: string[] = []
    for (const socket of sockets.filter((path) => existsSync(path))) {
      try {
        // Loaded where there is a daemon: it brings gRPC and SSH along.
        const { default: Client } = await import('dockerode')
        const calls = new Client({ socketPath: socket, timeout: limits.daemonCallMs })
        const info = readInfo(await calls.info(), await calls.version())
        return { socket, calls, streams: new Client({ socketPath: socket }), info }
      } catch (error) {
        problems.push(`${socket} (${wordsOf(error)})`)
      }
    }
    const tried = problems.length > 0 ? `do not answer: ${problems.join(', ')}` : `are not there: ${sockets.join(', ')}`
    throw new DaemonAway(`No container engine can be reached; these sockets ${tried}.`)
  }
}

interface Found {
  socket: string
  calls: Docker
  streams: Docker
  info: DaemonInfo
}

/** No daemon answers: it is not running, is being restarted, or this user may not use it. */
export class DaemonAway extends Error {}

/** A daemon that the environment names and that is no socket of this machine; taking another one would surprise. */
function addressElsewhere(environment: Environment): string | null {
  const named = addressIn(environment)
  return named === undefined || named.startsWith('unix://') ? null : named
}

const addressIn = (environment: Environment): string | undefined =>
  environment['DOCKER_HOST'] || environment['CONTAINER_HOST'] || undefined

/** Where Docker and Podman listen, with and without root; what the environment names goes first. */
export function usualSockets(environment: Environment): string[] {
  const named = addressIn(environment)
  if (named?.startsWith('unix://')) return [named.slice('unix://'.length)]
  const own = environment['XDG_RUNTIME_DIR'] ?? `/run/user/${process.getuid?.() ?? 0}`
  const home = environment['HOME'] ?? ''
  return [
    '/var/run/docker.sock',
    join(own, 'docker.sock'),
    join(home, '.docker/run/docker.sock'),
    join(own, 'podman/podman.sock'),
    '/run/podman/podman.sock',
  ].filter((path) => path.startsWith('/'))
}

/** The HTTP status of a refusal; undefined when the daemon did not answer at all. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  return typeof error.statusCode === 'number' ? error.statusCode : undefined
}

/** Whether the daemon could not be asked, so that nothing is known. */
export function isAway(error: unknown): boolean {
  if (error instanceof DaemonAway) return true
  if (!(error instanceof Error) || statusOf(error) !== undefined) return false
  const code = 'code' in error ? String(error.code) : ''
  return ['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EACCES'].includes(code)
}

/** What the daemon says, without what the client put around it. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const json = 'json' in error ? (error.json as { message?: unknown; cause?: unknown } | null) : null
  const message = typeof json?.message === 'string' ? json.message : error.message
  return message.replace(/^\(HTTP code \d+\) [\w ]+ - /, '').trim()
}

interface RawInfo {
  SecurityOptions?: string[]
  Driver?: string
  MemoryLimit?: boolean
  PidsLimit?: boolean
  CpuCfsQuota?: boolean
  CPUCfsQuota?: boolean
  CpuCfsPeriod?: boolean
  CDISpecDirs?: string[]
  Runtimes?: Record<string, unknown>
}

interface RawVersion {
  Version: string
  Components?: { Name: string }[]
}

function readInfo(info: RawInfo, version: RawVersion): DaemonInfo {
  const isPodman = (version.Components ?? []).some(({ Name }) => /podman/i.test(Name))
  const lacks = { cpu: info.CpuCfsQuota ?? info.CPUCfsQuota, memory: info.MemoryLimit, pids: info.PidsLimit }
  return {
    name: isPodman ? 'podman' : 'docker',
    version: version.Version,
    rootless: (info.SecurityOptions ?? []).some((option) => option.includes('rootless')),
    storageDriver: info.Driver ?? '',
    unlimited: Object.entries(lacks).flatMap(([name, has]) => (has === false ? [name] : [])),
    cdi: isPodman || (info.CDISpecDirs ?? []).length > 0,
    nvidia: 'nvidia' in (info.Runtimes ?? {}),
  }
}
