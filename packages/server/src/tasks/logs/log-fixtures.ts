import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../lib/clock.ts'
import type { LogLine } from './block.ts'
import { type LogStore, type LogStoreOptions, openLogStore } from './log-store.ts'
import type { Source } from './record.ts'

/** An empty folder that is gone after the test. */
export function aFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'nabla-logs-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A store in a folder of its own, shut down after the test. */
export function aLogStore(options: Partial<LogStoreOptions> = {}): LogStore & { dir: string } {
  const dir = options.dir ?? aFolder()
  const store = openLogStore({ clock: systemClock, ...options, dir })
  onTestFinished(() => store.shutdown())
  return { ...store, dir }
}

/** What a task does: appends to a raw file. */
export function write(store: LogStore, source: Source, data: string | Uint8Array, part = 1, logId = 'j1'): void {
  appendFileSync(join(store.partDir(logId, part), source), data)
}

/** All lines of a log, page by page. */
export async function allLines(store: LogStore, logId = 'j1', limit = 1000): Promise<LogLine[]> {
  const lines: LogLine[] = []
  for (let after = 0; ;) {
    const page = await store.read(logId, { after, limit })
    lines.push(...page.lines)
    if (page.next === after) return lines
    after = page.next
  }
}

/** All that an iterable yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** Waits until a condition holds; the test's own time limit is the bound. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await setImmediate()
}
