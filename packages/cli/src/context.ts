import type { Readable } from 'node:stream'
import type { Client } from '@nabla/api/client'
import type { Output, Sink } from './terminal/output.ts'
import type { Settings, Variables } from './settings.ts'
import type { Target } from './target.ts'

/** The process as the CLI sees it; tests make their own. */
export interface Io {
  cwd: string
  variables: Variables
  stdin: Readable & { isTTY?: boolean }
  stdout: Sink
  stderr: Sink
  now(): number
  /** Calls back at each Ctrl-C instead of ending the process; returns what undoes it. */
  onInterrupt(handler: () => void): () => void
}

export interface GlobalFlags {
  url: string | undefined
  key: string | undefined
}

/** What a command has to work with. */
export interface Context {
  io: Io
  cwd: string
  /** What was asked for, word by word, without the leading `nabla`. */
  words: readonly string[]
  out: Output
  settings: Settings
  global: GlobalFlags
  target(): Promise<Target>
  client(): Promise<Client>
}

/** Puts together the context of one run of the CLI. Nothing is read or loaded before a command asks for it. */
export function createContext(
  io: Io,
  out: Output,
  settings: Settings,
  global: GlobalFlags,
  words: readonly string[],
): Context {
  let client: Promise<Client> | undefined
  const target = async (): Promise<Target> => (await import('./target.ts')).findTarget(settings, global)
  return {
    io,
    cwd: io.cwd,
    words,
    out,
    settings,
    global,
    target,
    client: () => (client ??= connect(target)),
  }
}

async function connect(target: () => Promise<Target>): Promise<Client> {
  const [{ clientOf }, { url, key }] = await Promise.all([import('./client.ts'), target()])
  return clientOf(url, key)
}
