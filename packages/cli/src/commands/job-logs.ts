import type { LogLine } from '@nabla/api/log'
import type { Client } from '@nabla/api/client'
import { usageError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { arg, flag } from '../flags.ts'
import { printLog } from '../job/follow.ts'
import { parseDuration } from '../terminal/format.ts'
import { limits } from '../limits.ts'
import { LogPrinter } from '../terminal/log-printer.ts'
import { findJob } from '../project-file.ts'

interface Window {
  since?: string
  source?: 'stdout' | 'stderr' | 'system'
}

export const logs = defineCommand({
  name: 'logs',
  about: 'Show the log of a job',
  details: `
What the command wrote to standard output goes to standard output, what it wrote to
standard error to standard error, and what Nabla says about the run there too.`,
  args: { job: arg.optional('name or id of the job (default: the last one of this folder)', 'job') },
  flags: {
    follow: flag.on('go on until the job has ended', { short: 'f' }),
    since: flag.text('time', 'only what is newer: 10m, 2h, or a time such as 2026-05-01T12:00'),
    tail: flag.whole('lines', 'only the last lines', { short: 'n' }),
    source: flag.oneOf(['stdout', 'stderr', 'system'], 'only what came from there'),
    grep: flag.text('text', 'only lines that hold this; small and capital letters are the same'),
    errors: flag.on('only lines that look like an error'),
    timestamps: flag.on('put the time before each line', { short: 't' }),
    raw: flag.on('the bytes as the command wrote them, both streams in one'),
  },
  examples: [
    { line: 'job logs', about: 'of the last job of this folder' },
    { line: 'job logs --follow train-7', about: 'until it ends; Ctrl-C only stops watching' },
    { line: 'job logs --since 10m --timestamps train-7', about: 'the last ten minutes' },
    { line: 'job logs --tail 100 --source stderr train-7', about: 'the last errors' },
    { line: 'job logs --grep "val_loss" train-7', about: 'looked for by the server, which is quick' },
  ],
  async run(context, args, flags) {
    const client = await context.client()
    const job = await findJob(context, args.job)
    if (flags.raw) return printRaw(context, client, job, flags.source)
    if (flags.grep !== undefined || flags.errors) return printMatches(context, client, job, flags)
    const window: Window = {
      ...(flags.since !== undefined && { since: toTime(flags.since, context.io.now()) }),
      ...(flags.source !== undefined && { source: flags.source }),
    }
    const printer = new LogPrinter(context.out, { timestamps: flags.timestamps })
    if (flags.tail !== undefined) await printTail(client, job, printer, window, flags.tail)
    else if (!flags.follow) await printPresent(context, client, job, printer, window)
    if (flags.follow) await follow(context, client, job, printer, window)
    await printer.finish()
    return 0
  },
})

interface Wanted {
  grep: string | undefined
  errors: boolean
  source: Window['source']
  timestamps: boolean
  follow: boolean
  since: string | undefined
  tail: number | undefined
}

/** The lines of the whole log that match; the last ones only, with `--tail`. Exits with 1 when there are none, as grep does. */
async function printMatches(context: Context, client: Client, job: string, wanted: Wanted): Promise<number> {
  const { grep, errors, source, timestamps, tail } = wanted
  if (wanted.follow || wanted.since !== undefined || (grep !== undefined && errors)) {
    throw usageError(
      '--grep and --errors look through what is there.',
      'Leave out --follow and --since, and one of the two.',
    )
  }
  const printer = new LogPrinter(context.out, { timestamps })
  const what = {
    job,
    ...(grep === undefined ? { errors: 'true' as const } : { text: grep }),
    ...(source && { source }),
  }
  const last: LogLine[] = []
  let found = 0
  for (let at = tail === undefined ? { after: 0 } : { before: Number.MAX_SAFE_INTEGER }; ;) {
    const limit = Math.min(limits.logMatches, tail === undefined ? Number.POSITIVE_INFINITY : tail - last.length)
    const page = limit > 0 ? await client.job.searchLogs({ ...what, ...at, limit }) : undefined
    found += page?.items.length ?? 0
    if (tail === undefined) await printLines(printer, page?.items ?? [])
    else last.push(...(page?.items ?? []))
    if (!page || page.complete) break
    at = tail === undefined ? { after: page.next } : { before: page.next }
  }
  await printLines(printer, last.toReversed())
  await printer.finish()
  return found > 0 ? 0 : 1
}

/** `10m` is ten minutes ago; anything else has to be a time. */
export function toTime(text: string, nowMs: number): string {
  if (/^\d+(\.\d+)?\s*(s|m|min|h|d)\b/.test(text)) return new Date(nowMs - parseDuration(text) * 1000).toISOString()
  const time = Date.parse(text)
  if (!Number.isNaN(time) && /^\d{4}-/.test(text)) return new Date(time).toISOString()
  throw usageError(
    `--since: ${JSON.stringify(text)} is no time.`,
    'Write it like 90s, 10m, 2h, 2026-05-01 or 2026-05-01T12:00:00Z.',
  )
}

async function printTail(
  client: Client,
  job: string,
  printer: LogPrinter,
  window: Window,
  tail: number,
): Promise<void> {
  const page = await client.job.logs({ job, ...window, tail: Math.min(tail, limits.logPageLines) })
  await printLines(printer, page.items)
  // What follows is everything after the tail, also when the tail is empty.
  printer.last = Math.max(printer.last, page.last)
}

/**
 * The log as far as it has come. The stream is much faster than pages, but ends only where the log does, and only if
 * it reaches that end.
 */
async function printPresent(
  context: Context,
  client: Client,
  job: string,
  printer: LogPrinter,
  window: Window,
): Promise<void> {
  const { ended } = await client.job.logs({ job, tail: 0 })
  if (ended && window.since === undefined) await follow(context, client, job, printer, window)
  else await printPages(client, job, printer, window)
}

async function printPages(client: Client, job: string, printer: LogPrinter, window: Window): Promise<void> {
  for (let after = 0; ;) {
    const page = await client.job.logs({ job, ...window, after, limit: limits.logPageLines })
    await printLines(printer, page.items)
    if (page.items.length === 0 || page.next >= page.last) return
    after = page.next
  }
}

async function follow(
  context: Context,
  client: Client,
  job: string,
  printer: LogPrinter,
  window: Window,
): Promise<void> {
  const watching = new AbortController()
  const ignore = context.io.onInterrupt(() => watching.abort())
  try {
    await printLog(context, client, job, printer, watching.signal, window)
  } catch (error) {
    if (!watching.signal.aborted) throw error
  } finally {
    ignore()
  }
}

/** Neighbouring lines of one source go out in one piece. */
async function printLines(printer: LogPrinter, lines: readonly LogLine[]): Promise<void> {
  for (let start = 0; start < lines.length;) {
    const first = lines[start]
    if (!first) return
    let end = start
    while (goesWith(first, lines[end], lines[end + 1])) end += 1
    const block = lines.slice(start, end + 1)
    const text = block.map((line) => line.text).join('\n')
    const partial = block.at(-1)?.partial === true
    await printer.print({ ...first, lines: block.length, text, partial })
    start = end + 1
  }
}

/** A block holds consecutive lines of one source and one time; only its last may go on in the next. */
function goesWith(first: LogLine, present: LogLine | undefined, next: LogLine | undefined): boolean {
  if (!present || !next || present.partial) return false
  return next.source === first.source && next.at === first.at && next.seq === present.seq + 1
}

async function printRaw(context: Context, client: Client, job: string, source: Window['source']): Promise<number> {
  const response = await client.job.downloadLogs({ job, ...(source && { source }) })
  for await (const chunk of response.body ?? []) await context.out.write(chunk)
  return 0
}
