import { type FSWatcher, watch } from 'node:fs'

import type { Clock } from '../../lib/clock.ts'
import { type Reports, taskOfFile } from './reports.ts'

/** File notifications come at once but may be dropped by the kernel, and a killed shim writes nothing. */
const sweepMs = 1_000

/**
 * Calls back when the report of a task has changed, until the signal aborts. While tasks run, all reports are also
 * read once a second.
 */
export function watchReports(
  reports: Reports,
  clock: Clock,
  onChange: (id: string) => void,
  signal: AbortSignal,
): void {
  if (signal.aborted) return
  const seen = new Map<string, string>()
  let cancelSweep: (() => void) | null = null

  const armSweep = () => {
    if (!signal.aborted) cancelSweep ??= clock.after(sweepMs, () => void sweep())
  }
  const sweep = async () => {
    const tasks = await reports.list().catch(() => null)
    cancelSweep = null
    if (signal.aborted) return
    for (const { id, state, phases } of tasks ?? []) {
      const now = `${state} ${phases.length}`
      if (seen.get(id) !== now) onChange(id)
      seen.set(id, now)
    }
    if (!watcher || !tasks || tasks.some(({ state }) => state !== 'ended')) armSweep()
  }

  const watcher = tryToWatch(reports.folder, (name) => {
    const id = taskOfFile(name)
    if (id === null) return
    armSweep()
    onChange(id)
  })
  signal.addEventListener('abort', () => {
    watcher?.close()
    cancelSweep?.()
  })
  void sweep()
}

/** Null where the kernel has no notifications left to give; the sweeps have to do then. */
function tryToWatch(folder: string, onFile: (name: string) => void): FSWatcher | null {
  try {
    const watcher = watch(folder, { persistent: false }, (_, name) => {
      if (name !== null) onFile(name)
    })
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return null
  }
}
