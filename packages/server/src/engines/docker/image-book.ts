import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'

import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'

/** What is known of an image beside what the daemon tells. */
export interface ImageNote {
  /** Milliseconds since the epoch. */
  usedAt: number
  /** It was fetched with a login, and nobody has got it without. */
  isPrivate: boolean
}

/**
 * Remembers, for the images that tasks use, when that was and whether a login is needed for them. On the disk, and lost
 * without harm but for one thing: an image that it does not know is open to all on this machine.
 */
export class ImageBook {
  readonly #path: string
  readonly #clock: Clock
  readonly #notes: Map<string, ImageNote>
  #saving: Promise<void> = Promise.resolve()

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
    this.#notes = new Map(Object.entries(readNotes(path)))
  }

  find(id: string): ImageNote | undefined {
    return this.#notes.get(plainId(id))
  }

  used(id: string): Promise<void> {
    const known = this.find(id)
    const now = this.#clock.now()
    if (known && Math.abs(now - known.usedAt) < limits.imageUsedMs) return Promise.resolve()
    return this.#note(id, { usedAt: now, isPrivate: known?.isPrivate ?? false })
  }

  /** It was fetched from a registry. One that was got without a login once is open from then on. */
  fetched(id: string, withLogin: boolean): Promise<void> {
    const known = this.find(id)
    return this.#note(id, { usedAt: this.#clock.now(), isPrivate: withLogin && (known?.isPrivate ?? true) })
  }

  /** It was made here, and belongs to whoever made it: others do not get it by a name of a registry. */
  built(id: string): Promise<void> {
    return this.#note(id, { usedAt: this.#clock.now(), isPrivate: this.find(id)?.isPrivate ?? true })
  }

  forget(id: string): Promise<void> {
    return this.#notes.delete(plainId(id)) ? this.#save() : Promise.resolve()
  }

  #note(id: string, note: ImageNote): Promise<void> {
    this.#notes.set(plainId(id), note)
    return this.#save()
  }

  #save(): Promise<void> {
    this.#saving = this.#saving
      // One that failed, as on a full disk, is made up for by the next.
      .catch(() => {})
      .then(async () => {
        const draft = `${this.#path}.new`
        await writeFile(draft, JSON.stringify(Object.fromEntries(this.#notes)), { mode: 0o600 })
        await rename(draft, this.#path)
      })
    return this.#saving
  }
}

/** Docker writes the kind of digest in front, Podman does not everywhere. */
export const plainId = (id: string): string => id.replace(/^sha256:/, '')

function readNotes(path: string): Record<string, ImageNote> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, ImageNote>
  } catch {
    return {}
  }
}
