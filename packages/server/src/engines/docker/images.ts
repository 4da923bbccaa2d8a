import type Docker from 'dockerode'

import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { ContainerOptions } from '../engine.ts'
import { type Daemon, isAway, statusOf, wordsOf } from './daemon.ts'
import { SetupFailure } from './exit.ts'
import { PullProgress, type PullMessage } from './pull-progress.ts'
import { fullName, parseReference, type Reference } from '../../lib/image-reference.ts'

/** An image that is on this machine. */
export interface LocalImage {
  id: string
  /** For people and for the record: by digest where a registry has it, else by id. */
  pinned: string
  entrypoint: string[]
}

export interface ImageWish {
  image: string
  pull: NonNullable<ContainerOptions['pull']>
  login?: ContainerOptions['login']
}

/** Finds and fetches images. Two tasks that want the same one wait for the same transfer. */
export class Images {
  readonly #daemon: Daemon
  readonly #clock: Clock

  constructor(daemon: Daemon, clock: Clock) {
    this.#daemon = daemon
    this.#clock = clock
  }

  /**
   * Answers with the image, fetched if need be; `say` is told how that goes on, in lines for a person.
   * Throws SetupFailure with the reason when it is not to be had.
   */
  async obtain(wish: ImageWish, say: (line: string) => void, signal: AbortSignal): Promise<LocalImage> {
    const reference = parseReference(wish.image)
    if ('reason' in reference) throw new SetupFailure(reference.reason, 'user')
    const name = fullName(reference)
    // A login is proof of the right to use the image, so it is asked for even when another task has fetched it before.
    const mustPull = wish.pull === 'always' || wish.login !== undefined
    if (!mustPull) {
      const here = (await this.#inspect(wish.image)) ?? (await this.#inspect(name))
      if (here) return here
      if (wish.pull === 'never') {
        throw new SetupFailure(`The image ${wish.image} is not on this machine, and is not to be pulled.`, 'user')
      }
    }
    say(`Pulling ${name}`)
    await this.#pull(reference, wish.login, say, signal)
    const pulled = await this.#inspect(name)
    if (!pulled) throw new SetupFailure(`The image ${name} was removed right after it was pulled.`, 'machine')
    say(`Pulled ${pulled.pinned}`)
    return pulled
  }

  async #inspect(name: string): Promise<LocalImage | null> {
    try {
      const found = await (await this.#daemon.calls()).getImage(name).inspect()
      return toLocal(name, found)
    } catch (error) {
      if (statusOf(error) === 404) return null
      throw error
    }
  }

  async #pull(
    reference: Reference,
    login: ImageWish['login'],
    say: (line: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const stalled = new AbortController()
    let cancel = () => {}
    const alive = () => {
      cancel()
      cancel = this.#clock.after(limits.pullStallMs, () => stalled.abort())
    }
    alive()
    const abortSignal = AbortSignal.any([signal, stalled.signal])
    try {
      const docker = await this.#daemon.streams()
      const authconfig = login && { ...login, serveraddress: reference.registry }
      const stream = await docker.pull(fullName(reference), { abortSignal, ...(authconfig ? { authconfig } : {}) })
      const progress = new PullProgress(this.#clock, say)
      for await (const message of messages(stream, abortSignal)) {
        alive()
        if (message.error !== undefined) throw new Error(message.error)
        progress.take(message)
      }
    } catch (error) {
      if (signal.aborted || isAway(error)) throw error
      if (stalled.signal.aborted) throw new SetupFailure(stallReason(reference), 'machine')
      throw pullFailure(reference, wordsOf(error), login !== undefined)
    } finally {
      cancel()
    }
  }
}

async function* messages(stream: NodeJS.ReadableStream, signal: AbortSignal): AsyncGenerator<PullMessage> {
  const end = () => (stream as NodeJS.ReadableStream & { destroy(error: Error): void }).destroy(new Error('aborted'))
  signal.addEventListener('abort', end)
  try {
    let rest = ''
    for await (const chunk of stream) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as PullMessage
    }
    if (rest.trim() !== '') yield JSON.parse(rest) as PullMessage
  } finally {
    signal.removeEventListener('abort', end)
  }
}

function toLocal(name: string, found: Docker.ImageInspectInfo): LocalImage {
  const repository = name.replace(/@.*$/, '').replace(/:[^/:]*$/, '')
  const digests = found.RepoDigests ?? []
  const entrypoint = found.Config?.Entrypoint ?? []
  // An image that was made here has a digest of its own with some engines, which no registry knows: better than none.
  const pinned = digests.find((digest) => digest.startsWith(`${repository}@`)) ?? digests[0] ?? found.Id
  return { id: found.Id, pinned, entrypoint: typeof entrypoint === 'string' ? [entrypoint] : entrypoint }
}

const stallReason = ({ registry }: Reference): string =>
  `The registry ${registry} sent nothing for ${limits.pullStallMs / 1000} s. Try again later, or use another one.`

/** What went wrong, in the words of a person. What daemons and registries say differs much; what is new is passed on. */
export function pullFailure(reference: Reference, words: string, hasLogin: boolean): SetupFailure {
  const name = fullName(reference)
  const { registry } = reference
  if (/no space left|disk quota/i.test(words)) {
    const reason = `There is no room on the disk for the image ${name}. Remove images with \`docker image prune\` or \`podman image prune\`.`
    return new SetupFailure(reason, 'machine')
  }
  if (/toomanyrequests|too many requests|rate limit/i.test(words)) {
    return new SetupFailure(
      `The registry ${registry} has sent too much to this machine. Log in, or try later.`,
      'machine',
    )
  }
  if (/unauthorized|authentication required|denied|incorrect username|no basic auth|forbidden/i.test(words)) {
    const reason = hasLogin
      ? `The registry ${registry} refused the login for ${name}. Check user name and password, and that they may read it.`
      : `The registry ${registry} does not give ${name} to everyone, or does not have it. Check its name, or log in.`
    return new SetupFailure(reason, 'user')
  }
  if (/manifest unknown|manifest for .* not found|not found|name unknown|does not exist|no such image/i.test(words)) {
    return new SetupFailure(`The registry ${registry} has no image ${name}. Check its name and tag.`, 'user')
  }
  if (/no such host|connection refused|timeout|timed out|no route|unreachable|server misbehaving|EOF/i.test(words)) {
    return new SetupFailure(`The registry ${registry} cannot be reached from this machine: ${words}`, 'machine')
  }
  if (/no matching manifest|no image found in .* for architecture/i.test(words)) {
    return new SetupFailure(`The image ${name} is not made for the processor of this machine.`, 'user')
  }
  return new SetupFailure(`The image ${name} could not be pulled: ${words}`, 'machine')
}
