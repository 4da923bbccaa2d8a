import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ask } from './ask.ts'
import { webConsole } from './console.ts'
import { containers } from './containers.ts'
import { firstLine } from './first-line.ts'
import { gateway } from './gateway.ts'
import { list } from './list.ts'
import { logs } from './logs.ts'
import { models } from './models.ts'
import { notebooks } from './notebooks.ts'
import { type Section, toMarkdown } from './report.ts'
import { runPages } from './runs.ts'
import { search } from './search.ts'
import { serve } from './serve.ts'
import { sync } from './sync.ts'
import { throughput } from './throughput.ts'
import { tracking } from './tracking.ts'

/**
 * Benchmarks: `npm run bench` runs all of them and prints a table each, `npm run bench -- logs list` runs some.
 * `npm run bench -- console --part loads` measures a part of those that have parts.
 * `--write` also puts the tables into docs/benchmarks.md, in place of the last ones of the same benches.
 */
const benches: Record<string, (parts?: readonly string[]) => Promise<Section>> = {
  'first-line': firstLine,
  throughput,
  logs,
  list,
  sync,
  tracking,
  search,
  ask,
  containers,
  models,
  notebooks,
  serve,
  gateway,
  console: webConsole,
  runs: runPages,
}

const begin = '<!-- written by `npm run bench -- --write`: begin -->'
const end = '<!-- end -->'

const options = { write: { type: 'boolean' }, part: { type: 'string', multiple: true } } as const
const { values, positionals } = parseArgs({ options, allowPositionals: true })
const unknown = positionals.filter((name) => !Object.hasOwn(benches, name))
// A part of a table must not take the place of all of it.
if (unknown.length > 0 || (values.part && (values.write || positionals.length !== 1))) {
  console.error(`usage: npm run bench -- [--write] [${Object.keys(benches).join(' | ')} …]`)
  console.error('       npm run bench -- console | runs --part PART …')
  process.exit(2)
}

const tables: string[] = []
for (const [name, bench] of Object.entries(benches)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  console.error(`${name} …`)
  const table = toMarkdown(await bench(values.part), measuredOn())
  console.log(table)
  tables.push(table)
}
if (values.write) await write(tables)
process.exit(0)

/** Puts tables where those of the same title stand, new ones at the end. */
async function write(tables: readonly string[]): Promise<void> {
  const path = join(import.meta.dirname, '..', 'docs', 'benchmarks.md')
  const text = await readFile(path, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${path} has lost its markers`)
  const there = text.slice(from + begin.length, to).split(/^(?=### )/m)
  const sections = new Map(
    there.filter((part) => part.startsWith('### ')).map((part) => [titleOf(part), part.trimEnd()]),
  )
  for (const table of tables) sections.set(titleOf(table), table.trimEnd())
  await writeFile(
    path,
    text.slice(0, from) + [begin, ...sections.values(), end].join('\n\n') + text.slice(to + end.length),
  )
}

function titleOf(section: string): string {
  return section.split('\n', 1)[0] ?? ''
}

/** On what and when: each table says it for itself. */
function measuredOn(): string {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  const model = cpus()[0]?.model ?? 'unknown processor'
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  const date = new Date().toISOString().slice(0, 10)
  return (
    `Measured on ${date}, commit ${commit}, Node ${process.version}, Linux ${release()}: ` +
    `${availableParallelism()} processors (${model}), ${memory} of memory.`
  )
}
