import { mkdtempSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { afterAll, onTestFinished } from 'vitest'
import { runCli as run } from '../cli.ts'
import type { Variables } from '../settings.ts'

/** What the CLI remembers between runs, for all tests of a file. */
const cache = mkdtempSync(join(tmpdir(), 'nabla-cli-cache-'))
afterAll(() => rm(cache, { recursive: true, force: true }))

export interface RunOptions {
  cwd?: string
  env?: Variables
  /** What it reads on standard input; nothing if left out. */
  stdin?: string
  /** The time that it takes for now. */
  now?: number
  /** As `now`, where it goes on. */
  clock?: () => number
  /** Width of a terminal on both outputs; without one they are pipes. */
  columns?: number
  /** Gets each piece of output as it comes. */
  onOutput?: (text: string, stream: 'stdout' | 'stderr') => void
  /** Called with what a Ctrl-C does. */
  onReady?: (interrupt: () => void) => void
}

export interface Ran {
  exitCode: number
  stdout: string
  stderr: string
}

/** Runs the CLI in this process as `bin/nabla` would, with streams and an environment of its own. */
export async function runCli(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const texts = { stdout: '', stderr: '' }
  const handlers: (() => void)[] = []
  const sink = (stream: 'stdout' | 'stderr'): Writable => {
    const writable = new Writable({
      decodeStrings: false,
      write(chunk: string | Buffer, _, done) {
        const text = chunk.toString()
        texts[stream] += text
        options.onOutput?.(text, stream)
        done()
      },
    })
    return Object.assign(writable, options.columns === undefined ? {} : { isTTY: true, columns: options.columns })
  }
  options.onReady?.(() => handlers.at(-1)?.())
  const exitCode = await run(argv, {
    cwd: options.cwd ?? '/nowhere',
    variables: { HOME: '/nowhere', XDG_CACHE_HOME: cache, ...options.env },
    stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    now: options.clock ?? (() => options.now ?? Date.now()),
    onInterrupt(handler) {
      handlers.push(handler)
      return () => void handlers.splice(handlers.indexOf(handler), 1)
    },
  })
  return { exitCode, ...texts }
}

/** An empty folder that is removed after the test. */
export async function aFolder(name = 'work'): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'nabla-cli-'))
  onTestFinished(() => rm(parent, { recursive: true, force: true }))
  const folder = join(parent, name)
  await mkdir(folder)
  return folder
}
