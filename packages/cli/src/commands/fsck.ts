import type { CheckProgress, CheckReport } from '@nabla/api/tree'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { inServerWords, loadCheck, loadServerConfig, untilInterrupt } from '../server-here.ts'
import { formatBytes, plural } from '../terminal/format.ts'
import type { Column } from '../terminal/table.ts'
import { serverFlags } from './backup.ts'

export const fsck = defineCommand({
  name: 'fsck',
  about: 'Look for missing, extra and damaged parts of files in what the server keeps',
  details: `
Reads every chunk and compares it with its checksum; it changes nothing. Asks the running
server, as an admin, or, with --data or --config, looks at the data of one that is stopped.

Exits with 1 if something is missing or damaged. What is extra is no harm: the server
removes it after a day.`,
  flags: serverFlags,
  examples: [
    { line: 'fsck', about: 'through the running server' },
    { line: 'fsck --data /srv/nabla', about: 'while the server is stopped' },
    { line: 'fsck --json', about: 'for a script' },
  ],
  async run(context, _, flags) {
    const { signal, release } = untilInterrupt(context)
    try {
      const here = [flags.data, flags.database, flags.config].some((flag) => flag !== undefined)
      const report = here
        ? await inServerWords(async () => {
            const { config } = await loadServerConfig(context, flags)
            const { checkData } = await loadCheck()
            return last(context, checkData(config, signal))
          })
        : await last(context, checkThere(context, signal))
      await print(context, report)
      const bad = report.missingObjects.length + report.damagedChunks.length + report.affectedTrees.length
      return bad + report.otherAffectedTrees === 0 ? exitCodes.ok.code : exitCodes.failure.code
    } finally {
      release()
    }
  },
})

type Checking = AsyncGenerator<CheckProgress, CheckReport, undefined>

async function* checkThere(context: Context, signal: AbortSignal): Checking {
  const client = await context.client()
  for await (const { data } of client.tree.check({}, { signal })) {
    if ('damagedChunks' in data) return data
    yield data
  }
  throw new Error('the server ended the check without a report')
}

async function last({ out }: Context, checking: Checking): Promise<CheckReport> {
  for (;;) {
    const step = await checking.next()
    if (step.done) return step.value
    const { packs, packsDone, sizeBytes, sizeBytesDone } = step.value
    out.status(
      `Read ${packsDone} of ${plural(packs, 'pack')}, ${formatBytes(sizeBytesDone)} of ${formatBytes(sizeBytes)}…`,
    )
  }
}

interface Finding {
  kind: string
  what: string
  detail: string
}

const columns: Column<Finding>[] = [
  { title: 'FINDING', rank: 0, value: ({ kind }) => kind },
  { title: 'WHAT', rank: 0, value: ({ what }) => what, shrinkTo: 16 },
  { title: 'DETAIL', rank: 0, value: ({ detail }) => detail, shrinkTo: 24 },
]

async function print({ out }: Context, report: CheckReport): Promise<void> {
  if (out.json) {
    await out.value(report)
    return
  }
  const { missingObjects, extraObjects, damagedChunks, affectedTrees, otherAffectedTrees } = report
  const findings: Finding[] = [
    ...missingObjects.map((key) => ({ kind: 'missing', what: key, detail: 'this object is not there' })),
    ...damagedChunks.map(({ hash, key, reason }) => ({ kind: 'damaged', what: hash, detail: `${reason} (${key})` })),
    ...extraObjects.map(({ key, sizeBytes }) => ({ kind: 'extra', what: key, detail: formatBytes(sizeBytes) })),
    ...affectedTrees.map(({ digest, team, missing, volumes }) => {
      const detail = [`team ${team}`, plural(missing, 'chunk'), ...volumes].join(', ')
      return { kind: 'affected', what: digest, detail }
    }),
  ]
  if (findings.length > 0) await out.table(findings, columns)
  if (otherAffectedTrees > 0) out.note(`${plural(otherAffectedTrees, 'tree')} of other teams cannot be read whole.`)
  const read = `${plural(report.chunks, 'chunk')} in ${plural(report.packs, 'pack')}, ${formatBytes(report.sizeBytes)}`
  const damaged = missingObjects.length + damagedChunks.length + affectedTrees.length + otherAffectedTrees > 0
  if (damaged)
    await out.line(`${out.style('red', '✖')} Restore what is affected from a backup, or send it again: ${read}`)
  else await out.line(`${out.style('green', '✔')} Everything is there and whole: ${read}`)
}
