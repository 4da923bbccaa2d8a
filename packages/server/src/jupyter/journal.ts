import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import type { Entry } from './runs.ts'

/**
 * What has happened to the runs of one kernel, one line of JSON each. A line is handed to the operating system before
 * anything else is done with what it says, so it outlives a server that is killed. It is not synced: when the machine
 * dies, the kernel is gone too, and what the file of the notebook has by then is what counts.
 */
export class Journal {
  readonly #path: string
  #file: number
  #size: number

  private constructor(path: string) {
    this.#path = path
    this.#file = openSync(path, 'a', 0o600)
    this.#size = statSync(path).size
  }

  /** Opens it, and calls `apply` with all that it has. A line that was cut off by a crash is left out. */
  static open(path: string, apply: (entry: Entry) => void): Journal {
    let torn = false
    if (existsSync(path)) {
      const text = readFileSync(path, 'utf8')
      torn = text !== '' && !text.endsWith('\n')
      for (const line of text.split('\n')) {
        const entry = parsed(line)
        if (entry) apply(entry)
      }
    }
    const journal = new Journal(path)
    if (torn) writeSync(journal.#file, '\n')
    return journal
  }

  get size(): number {
    return this.#size
  }

  append(entry: Entry): void {
    this.#size += writeAll(this.#file, `${JSON.stringify(entry)}\n`)
  }

  /** Puts one entry in the place of all. */
  rewrite(entry: Entry): void {
    const fresh = `${this.#path}.new`
    const file = openSync(fresh, 'w', 0o600)
    const size = writeAll(file, `${JSON.stringify(entry)}\n`)
    renameSync(fresh, this.#path)
    closeSync(this.#file)
    this.#file = file
    this.#size = size
  }

  close(): void {
    closeSync(this.#file)
  }

  remove(): void {
    this.close()
    rmSync(this.#path, { force: true })
  }
}

function parsed(line: string): Entry | undefined {
  if (line === '') return undefined
  try {
    return JSON.parse(line) as Entry
  } catch {
    return undefined
  }
}

function writeAll(file: number, text: string): number {
  const bytes = Buffer.from(text)
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done)
  return bytes.length
}
