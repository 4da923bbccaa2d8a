import type Docker from 'dockerode'

import type { Clock } from '../../lib/clock.ts'
import { fullName, parseReference } from '../../lib/image-reference.ts'
import type { ImageLogin, ImageRule, ImageStore, StoredImage } from '../engine.ts'
import { instanceLabel } from './container.ts'
import { type Daemon, statusOf, wordsOf } from './daemon.ts'
import { type ImageBook, plainId } from './image-book.ts'
import type { Images } from './images.ts'

interface Parts {
  daemon: Daemon
  clock: Clock
  images: Images
  book: ImageBook
  instance: string
  /** Names of the images of tasks that have not ended. */
  named(): string[]
}

/** Images that the daemon has, with what is known of their use. */
export class DaemonImages implements ImageStore {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  async list(): Promise<StoredImage[]> {
    const { daemon } = this.#parts
    const docker = await daemon.calls()
    const [images, containers] = await Promise.all([docker.listImages(), docker.listContainers({ all: true })])
    const uses = new Map<string, number>()
    for (const { ImageID } of containers) uses.set(plainId(ImageID), (uses.get(plainId(ImageID)) ?? 0) + 1)
    return images.map((image) => this.#toStored(image, uses)).toSorted((a, b) => b.sizeBytes - a.sizeBytes)
  }

  async remove(reference: string): Promise<'removed' | 'in use' | 'unknown'> {
    const id = await this.#idOf(reference)
    const image = id === null ? undefined : (await this.list()).find((one) => plainId(one.id) === id)
    if (!image) return 'unknown'
    return (await this.#removeUnused(image)) ? 'removed' : 'in use'
  }

  async fetch(image: string, login: ImageLogin | null, signal: AbortSignal): Promise<void> {
    const wish = { image, pull: 'missing' as const, ...(login ? { login } : {}) }
    const found = await this.#parts.images.obtain(wish, () => {}, signal)
    this.#parts.images.release(found.id)
  }

  async collect(rule: ImageRule, wanted: readonly string[]): Promise<StoredImage[]> {
    const all = (await this.list()).filter(({ ours }) => ours || rule.which === 'all')
    const names = [...wanted, ...this.#parts.named()]
    const gone: StoredImage[] = []
    for (const image of chooseImages(all, rule, names, this.#parts.clock.now())) {
      if (await this.#removeUnused(image)) gone.push(image)
    }
    return gone
  }

  #toStored(image: Docker.ImageInfo, uses: ReadonlyMap<string, number>): StoredImage {
    const { book, instance } = this.#parts
    const id = plainId(image.Id)
    const note = book.find(id)
    const tags = (image.RepoTags ?? []).filter((name) => !name.startsWith('<none>'))
    const digests = (image.RepoDigests ?? []).filter((name) => !name.startsWith('<none>'))
    return {
      id: `sha256:${id}`,
      names: tags.length > 0 ? tags : digests,
      sizeBytes: image.Size,
      createdAt: image.Created * 1000,
      usedAt: note?.usedAt ?? null,
      ours: note !== undefined || image.Labels?.[instanceLabel] === instance,
      isPrivate: note?.isPrivate ?? false,
      containers: uses.get(id) ?? 0,
    }
  }

  /** Names mean what they mean to the daemon; a short one is tried as it stands first. */
  async #idOf(reference: string): Promise<string | null> {
    const docker = await this.#parts.daemon.calls()
    for (const name of [reference, plainName(reference)]) {
      try {
        return plainId((await docker.getImage(name).inspect()).Id)
      } catch (error) {
        if (statusOf(error) === undefined) throw error
      }
    }
    return null
  }

  /** Answers false when it is in use. */
  async #removeUnused({ id, names, containers }: StoredImage): Promise<boolean> {
    const { daemon, images, book } = this.#parts
    if (containers > 0 || images.isAwaited(id)) return false
    const docker = await daemon.calls()
    // By name: one that has several is not removed by its id, unless by force, which would take it from a container.
    for (const name of names.length > 0 ? names : [id]) {
      try {
        await docker.getImage(name).remove()
      } catch (error) {
        if (statusOf(error) === 409 || /in use|being used/i.test(wordsOf(error))) return false
        if (statusOf(error) !== 404) throw error
      }
    }
    await book.forget(id)
    return true
  }
}

/** The images that a rule does not keep, the first to go first. Pure; what is in use is never among them. */
export function chooseImages(
  images: readonly StoredImage[],
  { keepMs, maxBytes }: ImageRule,
  wanted: readonly string[],
  now: number,
): StoredImage[] {
  const kept = new Set(wanted.map(plainName))
  const usedAt = (image: StoredImage) => image.usedAt ?? image.createdAt
  const free = images
    .filter(({ containers, names }) => containers === 0 && !names.some((name) => kept.has(plainName(name))))
    .toSorted((a, b) => usedAt(a) - usedAt(b))
  let bytes = images.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return free.filter((image) => {
    const isOld = keepMs !== null && now - usedAt(image) > keepMs
    const isTooMuch = maxBytes !== null && bytes > maxBytes
    if (isOld || isTooMuch) bytes -= image.sizeBytes
    return isOld || isTooMuch
  })
}

function plainName(name: string): string {
  const reference = parseReference(name)
  return 'reason' in reference ? name : fullName(reference)
}
