import { createHash } from 'node:crypto'

import type Docker from 'dockerode'

import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { ContainerOptions } from '../engine.ts'
import { type Daemon, isAway, statusOf, wordsOf } from './daemon.ts'
import { readMessages } from './daemon-messages.ts'
import { SetupFailure } from './exit.ts'
import { type ImageBook, plainId } from './image-book.ts'
import { PullProgress } from './pull-progress.ts'
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

/** Finds and fetches images. Those that need a login are given only to who has one. */
export class Images {
  readonly #daemon: Daemon
  readonly #clock: Clock
  readonly #book: ImageBook
  /** Logins that a registry took for an image, and when (steady). */
  readonly #proofs = new Map<string, number>()
  /** Images that tasks are about to use, by id, with how many. */
  readonly #awaited = new Map<string, number>()
  /** Names that mean something else for as long as an image is sent by them. */
  readonly #lent = new Map<string, Promise<unknown>>()

  constructor(daemon: Daemon, clock: Clock, book: ImageBook) {
    this.#daemon = daemon
    this.#clock = clock
    this.#book = book
  }

  /**
   * Answers with the image, fetched if need be; `say` is told how that goes on, in lines for a person. It is not
   * collected until `release`. Throws SetupFailure with the reason when it is not to be had.
   */
  async obtain(wish: ImageWish, say: (line: string) => void, signal: AbortSignal): Promise<LocalImage> {
    const reference = parseReference(wish.image)
    if ('reason' in reference) throw new SetupFailure(reference.reason, 'user')
    const name = fullName(reference)
    await this.#lent.get(name)
    const here = (await this.#inspect(wish.image)) ?? (await this.#inspect(name))
    if (here && wish.pull !== 'always' && this.#mayUse(here, name, wish.login)) return this.#hold(here)
    if (wish.pull === 'never') {
      const what = here ? 'needs a login that was used for it before' : 'is not on this machine'
      throw new SetupFailure(`The image ${wish.image} ${what}, and is not to be pulled.`, 'user')
    }
    say(`Pulling ${name}`)
    await this.#pull(reference, wish.login, say, signal)
    const pulled = await this.#inspect(name)
    if (!pulled) throw new SetupFailure(`The image ${name} was removed right after it was pulled.`, 'machine')
    await this.#book.fetched(pulled.id, wish.login !== undefined)
    if (wish.login) this.#prove(proofOf(pulled.id, name, wish.login))
    say(`Pulled ${pulled.pinned}`)
    return this.#hold(pulled)
  }

  /** An image that was built here, held as one that was fetched. */
  async built(name: string): Promise<LocalImage> {
    const found = await this.#inspect(name)
    if (!found) throw new SetupFailure('The image was removed right after it was built.', 'machine')
    await this.#book.built(found.id)
    return this.#hold({ ...found, pinned: found.id })
  }

  /** The task that got the image has its container, or needs none. */
  release(id: string): void {
    const left = (this.#awaited.get(plainId(id)) ?? 1) - 1
    if (left > 0) this.#awaited.set(plainId(id), left)
    else this.#awaited.delete(plainId(id))
  }

  isAwaited(id: string): boolean {
    return this.#awaited.has(plainId(id))
  }

  /** While `work` goes on, nobody is given an image by this name: it is that of another one. */
  async lend<T>(name: string, work: () => Promise<T>): Promise<T> {
    while (this.#lent.has(name)) await this.#lent.get(name)
    const working = work()
    const settled = working.catch(() => {}).finally(() => this.#lent.delete(name))
    this.#lent.set(name, settled)
    return working
  }

  async #hold(image: LocalImage): Promise<LocalImage> {
    const id = plainId(image.id)
    this.#awaited.set(id, (this.#awaited.get(id) ?? 0) + 1)
    // A note that cannot be written, as on a full disk, keeps no task from starting.
    await this.#book.used(id).catch(() => {})
    return image
  }

  /** An image that a login was needed for is for those only whose login the registry takes: being here proves nothing. */
  #mayUse({ id }: LocalImage, name: string, login: ImageWish['login']): boolean {
    if (!this.#book.find(id)?.isPrivate) return true
    const provenAt = login && this.#proofs.get(proofOf(id, name, login))
    return provenAt !== undefined && this.#clock.steady() - provenAt < limits.imageProofMs
  }

  #prove(proof: string): void {
    this.#proofs.delete(proof)
    this.#proofs.set(proof, this.#clock.steady())
    const [oldest] = this.#proofs.keys()
    if (this.#proofs.size > limits.imageProofs && oldest !== undefined) this.#proofs.delete(oldest)
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
      for await (const message of readMessages(stream, abortSignal)) {
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

function toLocal(name: string, found: Docker.ImageInspectInfo): LocalImage {
  const repository = name.replace(/@.*$/, '').replace(/:[^/:]*$/, '')
  const digests = found.RepoDigests ?? []
  const entrypoint = found.Config?.Entrypoint ?? []
  // An image that was made here has a digest of its own with some engines, which no registry knows: better than none.
  const pinned = digests.find((digest) => digest.startsWith(`${repository}@`)) ?? digests[0] ?? found.Id
  return { id: found.Id, pinned, entrypoint: typeof entrypoint === 'string' ? [entrypoint] : entrypoint }
}

/** In memory alone, and no password in it. */
function proofOf(id: string, name: string, { username, password }: NonNullable<ImageWish['login']>): string {
  const text = JSON.stringify([plainId(id), name, username, password])
  return createHash('sha256').update(text).digest('base64')
}

const stallReason = ({ registry }: Reference): string =>
  `The registry ${registry} sent nothing for ${limits.pullStallMs / 1000} s. Try again later, or use another one.`

/** What went wrong, in the words of a person. What daemons and registries say differs much; what is new is passed on. */
export function pullFailure(reference: Reference, words: string, hasLogin: boolean): SetupFailure {
  const name = fullName(reference)
  const { registry } = reference
  if (/no space left|disk quota/i.test(words)) {
    const reason = `There is no room on the disk for the image ${name}. Make room with \`nabla image prune\`, or remove other files.`
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
