import { writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { Client } from '@nabla/api/client'
import { defineCommand, type Group } from '../command.ts'
import type { Context } from '../context.ts'
import { collect, eachFile, fileColumns } from '../files/file-list.ts'
import { arg, flag } from '../flags.ts'
import { formatAgo, formatBytes, plural } from '../terminal/format.ts'
import { printList } from '../print-list.ts'
import { findJob } from '../project-file.ts'

const whichJob = arg.optional('name or id of the job (default: the last one of this folder)', 'job')

const list = defineCommand({
  name: 'list',
  about: 'Show what a job left in /artifacts, also while it runs',
  args: { job: whichJob },
  flags: {
    path: flag.text('folder', 'only what is in this folder'),
    glob: flag.text('pattern', 'only files that match, such as `*.pt`'),
  },
  examples: [
    { line: 'job artifacts list', about: 'of the last job of this folder' },
    { line: "job artifacts list train-7 --glob '*.pt'", about: 'only the models' },
  ],
  async run(context, args, flags) {
    const client = await context.client()
    const where = { job: await findJob(context, args.job), recursive: 'true', ...given(flags) }
    const items = await collect(eachFile((page) => client.artifact.list({ ...where, ...page })))
    const empty = 'No artifacts. A job keeps what it writes to /artifacts.'
    await printList(context, items, { columns: fileColumns, empty })
  },
})

const get = defineCommand({
  name: 'get',
  about: 'Download one artifact',
  args: { job: arg.required('name or id of the job', 'job'), path: arg.required('path of the file') },
  flags: { to: flag.text('file', 'where to put it; - prints it', { fallback: 'its name, here', completes: 'file' }) },
  examples: [
    { line: 'job artifacts get train-7 model.pt', about: 'into this folder' },
    { line: 'job artifacts get train-7 metrics.json --to -', about: 'print it' },
  ],
  async run(context, { job, path }, { to }) {
    const { out } = context
    const client = await context.client()
    const response = await client.artifact.get({ job, path })
    if (to === '-') {
      for await (const chunk of response.body ?? []) await out.write(chunk)
      return
    }
    const target = resolve(context.cwd, to ?? basename(path))
    await response.body?.cancel()
    const { sizeBytes } = await fetchSome(context, client, { job, path }, target)
    if (out.json) await out.value({ path: target, sizeBytes })
    else out.note(`Saved ${target} (${formatBytes(sizeBytes)})`)
  },
})

const download = defineCommand({
  name: 'download',
  about: 'Download the artifacts of a job, with their folders',
  args: { job: whichJob, glob: arg.any('only files that match, such as `*.pt` or `checkpoints/**`') },
  flags: { to: flag.text('folder', 'where to put them', { fallback: '<job>-artifacts', completes: 'file' }) },
  examples: [
    { line: 'job artifacts download', about: 'all of the last job of this folder' },
    { line: 'job artifacts download train-7 --to results', about: 'into the folder results' },
    { line: "job artifacts download train-7 '*.pt' 'plots/**'", about: 'some of them' },
  ],
  async run(context, args, flags) {
    const { out } = context
    const client = await context.client()
    const job = await client.job.show({ job: await findJob(context, args.job) })
    const target = resolve(context.cwd, flags.to ?? `${job.name}-artifacts`)
    const sum = { path: target, files: 0, sizeBytes: 0 }
    for (const glob of args.glob.length > 0 ? args.glob : [undefined]) {
      const got = await fetchSome(context, client, { job: job.id, glob }, target)
      sum.files += got.files
      sum.sizeBytes += got.sizeBytes
    }
    if (flags.to === undefined && sum.files > 0) await keepOutOfWorkspace(target)
    if (out.json) await out.value(sum)
    else if (sum.files === 0) out.note(`${job.name} has no artifacts. A job keeps what it writes to /artifacts.`)
    else out.note(`Saved ${plural(sum.files, 'file')} (${formatBytes(sum.sizeBytes)}) in ${join(target, '/')}`)
  },
})

const words = ({ keepLast, keepDays }: { keepLast: number | null; keepDays: number | null }): string =>
  [keepLast === null ? [] : [`the last ${plural(keepLast, 'job')}`], keepDays === null ? [] : [plural(keepDays, 'day')]]
    .flat()
    .join(' and ')

const ofProject = flag.text('project', 'of this project; of the team without', { completes: 'project' })
const named = (project: string | undefined) => (project === undefined ? {} : { project })

const showRules = defineCommand({
  name: 'show',
  about: 'Show how long artifacts are kept, and what would go',
  flags: {
    project: ofProject,
    keepLast: flag.whole('jobs', 'try a rule: what would go if so many jobs were kept'),
    keepDays: flag.whole('days', 'try a rule: what would go if so many days were kept'),
  },
  examples: [
    { line: 'artifact retention show', about: 'the rules, and what goes next' },
    { line: 'artifact retention show --keep-last 5', about: 'what such a rule would delete' },
  ],
  async run(context, _, { project, keepLast, keepDays }) {
    const { out, io } = context
    const client = await context.client()
    const { items: rules } = await client.artifact.showRetention(named(project))
    const body = { ...(keepLast !== undefined && { keepLast }), ...(keepDays !== undefined && { keepDays }) }
    const { items, complete } = await client.artifact.previewRetention({ ...named(project), body })
    if (out.json) {
      await out.value({ rules, wouldGo: items, complete })
      return
    }
    if (rules.length === 0) out.note('No rule: artifacts are kept until their job is deleted.')
    for (const rule of rules) out.note(`${rule.project?.name ?? 'The team'} keeps ${words(rule)}.`)
    if (items.length === 0) out.note('Nothing would go.')
    else {
      await out.table(items, [
        { title: 'JOB', rank: 0, shrinkTo: 12, value: ({ job }) => job.name },
        { title: 'PROJECT', rank: 3, shrinkTo: 10, value: (item) => item.project.name },
        { title: 'ENDED', rank: 2, value: ({ endedAt }) => formatAgo(endedAt, io.now()) },
        { title: 'SIZE', rank: 1, align: 'right', value: ({ sizeBytes }) => formatBytes(sizeBytes) },
      ])
      const bytes = items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
      out.note(`${formatBytes(bytes)} of ${plural(items.length, 'job')} would go${complete ? '' : ', and more'}.`)
    }
  },
})

const setRule = defineCommand({
  name: 'set',
  about: 'Say how long artifacts are kept',
  details: `
What neither bound keeps is deleted within minutes of the job's end or of this call.
Running jobs keep theirs, and so does what a model refers to. See what would go
first: nabla artifact retention show --keep-last 5`,
  flags: {
    project: ofProject,
    keepLast: flag.whole('jobs', 'the latest jobs of each project that left something'),
    keepDays: flag.whole('days', 'jobs that ended within so many days'),
  },
  examples: [
    { line: 'artifact retention set --keep-last 20 --keep-days 30', about: 'for the team; either keeps' },
    { line: 'artifact retention set --project digits --keep-last 3', about: 'for a project' },
  ],
  async run({ client: connect, out }, _, { project, keepLast, keepDays }) {
    const client = await connect()
    const body = { keepLast: keepLast ?? null, keepDays: keepDays ?? null }
    const rule = await client.artifact.setRetention({ ...named(project), body })
    if (out.json) await out.value(rule)
    else out.note(`${rule.project?.name ?? 'The team'} keeps ${words(rule)}.`)
  },
})

const clearRule = defineCommand({
  name: 'clear',
  about: 'Remove a rule',
  details: '\nA project without a rule has that of the team; without any, artifacts are kept.',
  flags: { project: ofProject },
  examples: [{ line: 'artifact retention clear --project digits', about: 'the rule of the team counts again' }],
  async run({ client: connect, out }, _, { project }) {
    const client = await connect()
    const answer = await client.artifact.clearRetention(named(project))
    if (out.json) await out.value(answer)
    else out.note(answer.cleared ? 'Removed the rule.' : 'There was no rule.')
  },
})

const retention: Group = {
  name: 'retention',
  about: 'How long artifacts are kept',
  commands: [showRules, setRule, clearRule],
}

/** `nabla artifact`: the same commands, and the rules. */
export const artifact: Group = {
  name: 'artifact',
  about: 'What jobs left in /artifacts, and how long it is kept',
  commands: [list, get, download, retention],
}

export const artifacts: Group = {
  name: 'artifacts',
  about: 'What jobs left in /artifacts',
  commands: [list, get, download],
}

/** What a job made shall not go with the next one just because it lies in the folder. */
async function keepOutOfWorkspace(folder: string): Promise<void> {
  const rules = '# Downloaded artifacts do not go with jobs. Remove this file if these shall.\n*\n'
  await writeFile(join(folder, '.nablaignore'), rules)
}

/** Files of a job into a folder: all, those that match, or one, which gets the name of the target. */
async function fetchSome(
  context: Context,
  client: Client,
  { job, glob, path }: { job: string; glob?: string | undefined; path?: string },
  target: string,
): Promise<{ files: number; sizeBytes: number }> {
  const [{ download: fetchItems, planDownload }, { jobPlace }, { remoteItem }] = await Promise.all([
    import('../files/copy.ts'),
    import('../files/places.ts'),
    import('../files/select.ts'),
  ])
  const place = jobPlace(client, job)
  const listed =
    path === undefined
      ? eachFile((page) =>
          client.artifact.list({ job, recursive: 'true', ...(glob !== undefined && { glob }), ...page }),
        )
      : place.list(path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '', false)
  const entries = (await collect(listed)).filter((entry) => path === undefined || entry.path === path)
  const items = entries
    .filter(({ type }) => type !== 'folder')
    .map((entry) => remoteItem(entry, path === undefined ? entry.path : ''))
  const transfer = { context, checksum: false }
  await fetchItems(transfer, place, await planDownload(transfer, place, items, target), target)
  const files = items.filter(({ isLink }) => !isLink).length
  return { files, sizeBytes: items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) }
}

function given<Values extends Record<string, unknown>>(values: Values): Partial<Values> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Values>
}
