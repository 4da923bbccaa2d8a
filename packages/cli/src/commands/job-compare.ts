import type { Job } from '@nabla/api/job'
import { defineCommand } from '../command.ts'
import { printFileChanges } from '../files/file-changes.ts'
import { arg } from '../flags.ts'
import { limits } from '../limits.ts'
import { formatBytes, formatDuration, formatTime } from '../terminal/format.ts'

/** Columns of the terminal that the name of a setting keeps, of which it takes a third at most, and each value. */
const longestName = 16
const shortestValue = 8

export const compare = defineCommand({
  name: 'compare',
  about: 'Show what differs between two jobs: how they went, their settings and the files that they began with',
  details: '\nSecrets are told by their names. For what they logged see `nabla runs compare`.',
  args: {
    from: arg.required('name or id of the older job', 'job'),
    to: arg.required('name or id of the newer one', 'job'),
  },
  examples: [
    { line: 'job compare train-6 train-7', about: 'what was changed between a run and the next' },
    { line: 'job compare train-6 train-7 --json', about: 'for a script' },
  ],
  async run(context, { from, to }) {
    const { out } = context
    const client = await context.client()
    const jobs = [await client.job.show({ job: from }), await client.job.show({ job: to })] as const
    const [older, newer] = jobs
    const files = await client.workspace.compare({ job: newer.id, fromJob: older.id, limit: limits.comparedFiles })
    if (out.json) return out.value({ jobs, files })
    const rows = differing(older, newer)
    if (rows.length === 0) out.note('They were asked for alike, and went alike.')
    else {
      const { width = Infinity } = out
      const names = Math.min(longestName, Math.floor(width / 3), Math.max(...rows.map(({ name }) => name.length)))
      // Half of what is left for each: the first would give way alone.
      const shrinkTo = Math.max(shortestValue, Math.floor((width - names - 4) / 2))
      // A pipe is given all, as nothing is cut there.
      const shown = width === Infinity ? rows : rows.map((row) => fromDifference(row, shrinkTo))
      await out.table(shown, [
        { title: '', rank: 0, shrinkTo: names, value: ({ name }) => name },
        { title: older.name, rank: 0, shrinkTo, value: ({ before }) => before },
        { title: newer.name, rank: 0, shrinkTo, value: ({ after }) => after },
      ])
      await out.write('\n')
    }
    const nothing = older.workspace === null && newer.workspace === null
    await printFileChanges(context, files, nothing ? 'They began without files.' : 'They began with the same files.')
  },
})

interface Row {
  name: string
  before: string
  after: string
}

function differing(older: Job, newer: Job): Row[] {
  const [left, right] = [factsOf(older), factsOf(newer)]
  const names = [...new Set([...left.keys(), ...right.keys()])]
  return names
    .map((name) => ({ name, before: left.get(name) ?? '–', after: right.get(name) ?? '–' }))
    .filter(({ before, after }) => before !== after)
}

/** Without the words that both begin with, all but one: cut to `width`, long commands would look the same. */
function fromDifference(row: Row, width: number): Row {
  const { before, after } = row
  if (Math.max(before.length, after.length) <= width) return row
  let shared = 0
  while (shared < before.length && before[shared] === after[shared]) shared += 1
  const words = before.slice(0, shared).split(' ')
  const start = words.slice(0, -2).join(' ').length
  return start === 0 ? row : { ...row, before: `…${before.slice(start)}`, after: `…${after.slice(start)}` }
}

/** What is said of a job, by name, in the order in which it is read. */
function factsOf(job: Job): ReadonlyMap<string, string> {
  const { spec, workspace } = job
  const facts: [string, string | number | null | undefined][] = [
    ['state', job.state],
    ['exit code', job.exitCode],
    ['reason', job.reason],
    ['started', job.startedAt && formatTime(job.startedAt)],
    ['took', job.startedAt && job.endedAt && formatDuration(Date.parse(job.endedAt) - Date.parse(job.startedAt))],
    ['attempts', job.attempt],
    ['project', job.project.name],
    ['command', spec.command],
    ['machine type', job.machineType],
    ['image', spec.image],
    ['repository', spec.workspace.from === 'git' ? spec.workspace.url : null],
    ['branch or tag', spec.workspace.from === 'git' ? spec.workspace.ref : null],
    ['commit', workspace?.commit],
    ['files', workspace && `${workspace.files}, ${formatBytes(workspace.sizeBytes)}`],
    ...job.datasets.map(mounted('dataset')),
    ...job.models.map(mounted('model')),
    ['working folder', spec.workingDir],
    ['artifacts folder', spec.artifactsDir],
    ['requirements', spec.requirements],
    ['ports', spec.ports.join(', ')],
    ['time limit', spec.timeLimitSeconds && formatDuration(spec.timeLimitSeconds * 1000)],
    ['retries', `${spec.retries}, on ${spec.retryOn}`],
    ['priority', spec.priority],
    ['tags', job.tags.toSorted().join(', ')],
    ...Object.entries(spec.env)
      .sort(byName)
      .map(([name, value]): [string, string] => [`env ${name}`, value]),
  ]
  const known = facts.filter(([, value]) => value !== null && value !== undefined && value !== '')
  return new Map(known.map(([name, value]) => [name, String(value)]))
}

const mounted =
  (kind: string) =>
  ({ name, version }: { name: string; version: number }): [string, string] => [`${kind} ${name}`, `version ${version}`]

const byName = ([one]: [string, unknown], [other]: [string, unknown]): number => (one < other ? -1 : 1)
