import { isAbsolute, relative } from 'node:path'
import type { Context } from '../context.ts'
import { compareFolder, type Comparison } from '../files/compare.ts'
import { scanFolder } from '../files/upload.ts'
import { formatBytes, plural } from '../terminal/format.ts'
import { onOneLine } from '../terminal/terminal-width.ts'
import { type Caught, findCaught } from './caught.ts'
import type { Rule } from './ignore-rules.ts'
import { largestFiles, oddities } from './say-what-goes.ts'
import type { Scan } from './scan.ts'

export interface PreviewOptions {
  folder: string
  patterns: readonly string[]
  /** Rows of each table. */
  limit: number
}

/** Shows what would travel of a folder, what stays here and why, and what is there by accident. Sends nothing. */
export async function previewFolder(context: Context, options: PreviewOptions): Promise<void> {
  const { folder, patterns, limit } = options
  const scan = scanFolder(context, folder, patterns)
  const caught = findCaught(scan)
  const comparison = await compareFolder(context, folder, scan)
  if (context.out.json) {
    await context.out.value(toJson(folder, scan, caught, comparison))
    return
  }
  await showTotals(context, folder, scan, comparison)
  await showFiles(context, scan, limit)
  await showIgnored(context, folder, scan, limit)
  await showCaught(context, caught)
  for (const text of oddities(scan)) context.out.warn(text)
}

function toJson(folder: string, scan: Scan, caught: readonly Caught[], comparison: Comparison | string): unknown {
  const { files, sizeBytes, ignored, environments, linksOut, special, notUtf8, alike } = scan
  return {
    folder,
    files,
    sizeBytes,
    server: typeof comparison === 'string' ? null : comparison,
    entries: largestFiles(scan, files).map(({ path, stamp }) => ({ path, sizeBytes: stamp.sizeBytes })),
    ignored: ignored.map(({ path, by }) => ({ path, by })),
    environments,
    linksOut,
    special,
    notUtf8,
    alike,
    caught,
  }
}

async function showTotals(
  { out }: Context,
  folder: string,
  scan: Scan,
  comparison: Comparison | string,
): Promise<void> {
  const { files, sizeBytes } = scan
  await out.line(`${out.style('bold', `${plural(files, 'file')}, ${formatBytes(sizeBytes)}`)} would go from ${folder}`)
  if (typeof comparison === 'string') {
    await out.line(out.style('dim', comparison))
  } else if (comparison.lackingBytes === 0) {
    await out.line('The server has all of it: nothing would be sent.')
  } else {
    const { lackingFiles, lackingBytes } = comparison
    await out.line(`The server lacks ${formatBytes(lackingBytes)}, in ${plural(lackingFiles, 'file')}.`)
  }
}

interface Row {
  path: string
  files: number
  sizeBytes: number
}

/** Two tables: the largest files, and the largest folders at the top with all below them. */
async function showFiles({ out }: Context, scan: Scan, limit: number): Promise<void> {
  const files = largestFiles(scan, limit).map(({ path, stamp }) => ({ path, files: 1, sizeBytes: stamp.sizeBytes }))
  if (files.length === 0) return
  const size = { title: 'SIZE', rank: 0, align: 'right', value: (row: Row) => formatBytes(row.sizeBytes) } as const
  const path = (title: string) => ({ title, rank: 0, shrinkTo: 16, value: (row: Row) => row.path }) as const
  const count = {
    title: 'FILES',
    rank: 1,
    align: 'right',
    value: (row: Row) => row.files.toLocaleString('en-US'),
  } as const
  await out.line()
  await out.table(files, [size, path('LARGEST FILES')])
  await sayMore(out, scan.files - files.length)
  const folders = topFolders(scan)
  if (folders.length === 0) return
  await out.line()
  await out.table(folders.slice(0, limit), [size, count, path('FOLDERS')])
  await sayMore(out, folders.length - limit)
}

function topFolders({ entries }: Scan): Row[] {
  const rows = new Map<string, Row>()
  for (const entry of entries) {
    const slash = entry.path.indexOf('/')
    if (entry.type !== 'file' || slash === -1) continue
    const path = entry.path.slice(0, slash + 1)
    const row = rows.get(path) ?? { path, files: 0, sizeBytes: 0 }
    rows.set(path, row)
    row.files += 1
    row.sizeBytes += entry.stamp.sizeBytes
  }
  return [...rows.values()].sort((one, other) => other.sizeBytes - one.sizeBytes)
}

async function showIgnored({ out }: Context, folder: string, scan: Scan, limit: number): Promise<void> {
  const ignored = scan.ignored.map(({ path, by }) => ({ path, ...sayRule(by, folder) }))
  const environments = scan.environments.map((path) => ({ path, where: 'nabla', pattern: 'a virtual environment' }))
  const rows = [...ignored, ...environments].sort((one, other) => (one.path < other.path ? -1 : 1))
  if (rows.length === 0) return
  await out.line()
  await out.table(rows.slice(0, limit), [
    { title: 'STAYS HERE', rank: 0, shrinkTo: 16, value: (row) => row.path },
    { title: 'BY THE RULE', rank: 1, shrinkTo: 12, value: (row) => row.pattern },
    { title: 'OF', rank: 0, shrinkTo: 12, value: (row) => row.where },
  ])
  await sayMore(out, rows.length - limit)
}

/** The rule, and where it stands: `.gitignore:3`. */
function sayRule(rule: Rule, folder: string): { pattern: string; where: string } {
  const { pattern } = rule
  if (rule.from === 'option') return { pattern, where: '--ignore' }
  if (rule.from !== 'file') return { pattern, where: 'nabla' }
  const short = relative(folder, rule.file)
  const file = short.startsWith('..') || isAbsolute(short) ? rule.file : short
  return { pattern, where: `${file}:${rule.line}` }
}

const kinds = {
  data: 'looks like data',
  media: 'looks like a data set',
  environment: 'a virtual environment',
} as const

async function showCaught({ out }: Context, caught: readonly Caught[]): Promise<void> {
  if (caught.length === 0) return
  await out.line(`\n${out.style('yellow', 'Should this go with every job?')}`)
  for (const { what, path, files, sizeBytes, ignoreLine, instead } of caught) {
    const size = `${files === 1 ? '' : `${plural(files, 'file')}, `}${formatBytes(sizeBytes)}`
    await out.line(`\n${out.style('bold', onOneLine(path))}  ${kinds[what]}, ${size}`)
    if (ignoreLine !== null) await out.line(`  .nablaignore  ${ignoreLine}`)
    await out.line(`  instead       ${instead}`)
  }
}

async function sayMore(out: Context['out'], count: number): Promise<void> {
  if (count > 0) await out.line(out.style('dim', `and ${count.toLocaleString('en-US')} more; see them with --json`))
}
