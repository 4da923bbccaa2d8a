import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'

/** How much an archive may hold. See `limits`, from where the usual ones come. */
export interface ArchiveBounds {
  uploadBytes: number
  unpackedBytes: number
  unpackedEntries: number
  unpackRatio: number
  bombFloorBytes: number
}

/** Counts what an archive takes while it is unpacked, and stops it as soon as a bound is passed. */
export interface Meter {
  /** Bytes as they were sent. Throws `body_too_large`. */
  addSent(bytes: number): void
  /** Bytes as they are unpacked. Throws `archive_too_large`. */
  addUnpacked(bytes: number): void
  /** One more file, folder or link. Throws `archive_too_large`. */
  addEntry(): void
  /** Throws `archive_too_large` if there are more entries than allowed. */
  expectEntries(count: number): void
}

export function makeMeter(given: Partial<ArchiveBounds> = {}): Meter {
  const bounds: ArchiveBounds = { ...limits, ...given }
  let sent = 0
  let unpacked = 0
  let entries = 0
  const tooLarge = (reason: string) => new AppError('archive_too_large', { reason })
  const expectEntries = (count: number) => {
    if (count > bounds.unpackedEntries) throw tooLarge(`it has more than ${bounds.unpackedEntries} files and folders`)
  }
  return {
    addSent(bytes) {
      sent += bytes
      if (sent > bounds.uploadBytes) throw new AppError('body_too_large', { limit: sizeText(bounds.uploadBytes) })
    },
    addUnpacked(bytes) {
      unpacked += bytes
      if (unpacked > bounds.unpackedBytes) throw tooLarge(`it unpacks to more than ${sizeText(bounds.unpackedBytes)}`)
      if (unpacked > bounds.bombFloorBytes && unpacked > sent * bounds.unpackRatio) {
        throw tooLarge(`it unpacks to more than ${bounds.unpackRatio} times its size`)
      }
    },
    addEntry() {
      expectEntries(++entries)
    },
    expectEntries,
  }
}

/** A size for a person: `8 GiB`, `1.5 MiB`, `12 bytes`. */
export const sizeText = (bytes: number): string => inUnits(bytes, 1024, ['KiB', 'MiB', 'GiB', 'TiB'])

/** The same in decimal units, in which people say how much may be stored: `200 GB`. */
export const storedText = (bytes: number): string => inUnits(bytes, 1000, ['kB', 'MB', 'GB', 'TB'])

function inUnits(bytes: number, base: number, units: readonly string[]): string {
  let size = bytes
  let unit = 'bytes'
  for (const next of units) {
    if (size < base) break
    size /= base
    unit = next
  }
  return `${Number(size.toFixed(1))} ${unit}`
}
