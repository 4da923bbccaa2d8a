import { writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { Client } from '@nabla/api/client'
import { defineCommand, type Group } from '../command.ts'
import type { Context } from '../context.ts'
import { collect, eachFile, fileColumns, totalOf } from '../files/file-list.ts'
import { arg, flag } from '../flags.ts'
import { formatBytes, plural } from '../terminal/format.ts'
import { printList } from '../from-contract.ts'
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
    const { saveFile } = await import('../files/download.ts')
    const sizeBytes = await saveFile(out, response, basename(path), target)
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
      const got = await downloadSome(context, client, job.id, glob, target)
      sum.files += got.files
      sum.sizeBytes += got.sizeBytes
    }
    if (flags.to === undefined && sum.files > 0) await keepOutOfWorkspace(target)
    if (out.json) await out.value(sum)
    else if (sum.files === 0) out.note(`${job.name} has no artifacts. A job keeps what it writes to /artifacts.`)
    else out.note(`Saved ${plural(sum.files, 'file')} (${formatBytes(sum.sizeBytes)}) in ${join(target, '/')}`)
  },
})

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

async function downloadSome(
  context: Context,
  client: Client,
  job: string,
  glob: string | undefined,
  target: string,
): Promise<{ files: number; sizeBytes: number }> {
  const some = { job, ...(glob !== undefined && { glob }) }
  const total = await totalOf(eachFile((page) => client.artifact.list({ ...some, recursive: 'true', ...page })))
  if (total.files === 0 && glob === undefined) return total
  const [{ unpackTar }, { showProgress }] = await Promise.all([
    import('../files/download.ts'),
    import('../terminal/progress.ts'),
  ])
  const response = await client.artifact.archive(some)
  const progress = showProgress(context.out, 'Downloading', total.sizeBytes)
  try {
    const got = await unpackTar(response, target, progress)
    if (got.linksOut.length > 0) context.out.warn(`left out, because they lead elsewhere: ${got.linksOut.join(', ')}`)
    return got
  } finally {
    progress.stop()
  }
}

function given<Values extends Record<string, unknown>>(values: Values): Partial<Values> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Values>
}
