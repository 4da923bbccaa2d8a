import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

const node = join(import.meta.dirname, '../../../node_modules/.bin/node')

export interface Collection {
  killAfterMs?: number
  /** How long it is given. */
  forMs?: number
}

/**
 * Lets days pass for a server that is stopped, as a process of its own, until nothing is left that no volume needs.
 * Answers with its exit code: 1 when something stays, null when it was killed (SIGKILL) `killAfterMs` after days
 * began to pass.
 */
export async function collectAll(
  data: string,
  { killAfterMs, forMs = 120_000 }: Collection = {},
): Promise<number | null> {
  const program = join(import.meta.dirname, 'collect-program.ts')
  const child = spawn(node, [program, data, String(forMs)], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])
  if (killAfterMs !== undefined) {
    await Promise.race([ended, pause(killAfterMs)])
    child.kill('SIGKILL')
  }
  return ended
}
