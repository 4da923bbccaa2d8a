import { createWriteStream } from 'node:fs'
import { basename, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { notebookRoutes, type NotebookVersion } from '@nabla/api/notebook'
import type { z } from 'zod'
import { usageError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { printFileChanges } from '../files/file-changes.ts'
import { collect, eachFile, fileColumns } from '../files/file-list.ts'
import { arg, flag } from '../flags.ts'
import { listCommand } from '../from-contract.ts'
import { printList } from '../print-list.ts'
import { followJob } from '../job/follow.ts'
import { jobFlags } from '../job/flags.ts'
import { sayJob } from './job-say.ts'
import { formatAgo, formatBytes } from '../terminal/format.ts'

const whichNotebook = arg.required('name or id of the notebook')
const versionFlag = flag.text('number', 'those of this version', { fallback: 'as they are now' })

export const versions = listCommand<NotebookVersion>(
  'notebook',
  notebookRoutes,
  {
    about: 'Show the versions of the files of a notebook: one for each session',
    columns: ({ io }) => [
      { title: 'VERSION', rank: 0, align: 'right', value: ({ version }) => String(version) },
      { title: 'STATE', rank: 1, value: ({ state }) => state },
      { title: 'FILES', rank: 2, align: 'right', value: ({ files }) => String(files) },
      { title: 'SIZE', rank: 2, align: 'right', value: ({ sizeBytes }) => formatBytes(sizeBytes) },
      { title: 'SAVED', rank: 1, value: ({ endedAt }) => formatAgo(endedAt, io.now()) },
      { title: 'PACKAGES', rank: 4, shrinkTo: 12, value: ({ packages }) => packages.join(' ') },
    ],
    empty: 'No versions. The files of a session become one when it ends.',
    examples: [{ line: 'notebook versions digits', about: 'the newest first' }],
  },
  'versions',
)

export const compare = defineCommand({
  name: 'compare',
  about: 'Show which files are different between two versions',
  args: { notebook: whichNotebook, version: arg.required('number of the newer one') },
  flags: { from: flag.text('number', 'the older one', { fallback: 'the one before' }) },
  examples: [
    { line: 'notebook compare digits 4', about: 'what the fourth session changed' },
    { line: 'notebook compare digits 4 --from 1', about: 'since the first one' },
  ],
  async run(context, { notebook, version }, { from }) {
    const client = await context.client()
    const number = wholeNumber(version)
    const found = await client.notebook.compare({ notebook, number, ...(from !== undefined && { from }) })
    await printFileChanges(context, found, 'They are the same.')
  },
})

export const files = defineCommand({
  name: 'files',
  about: 'Show the files of a notebook, also while it is stopped',
  args: { notebook: whichNotebook, path: arg.optional('only what is in this folder') },
  flags: { version: versionFlag },
  examples: [
    { line: 'notebook files digits', about: 'as they are now' },
    { line: 'notebook files digits --version 2', about: 'as the second session left them' },
  ],
  async run(context, { notebook, path }, { version }) {
    const client = await context.client()
    const where = { notebook, recursive: 'true', ...(path && { path }), ...(version && { version }) }
    const items = await collect(eachFile((page) => client.notebook.files({ ...where, ...page })))
    await printList(context, items, { columns: fileColumns, empty: 'No files.' })
  },
})

export const get = defineCommand({
  name: 'get',
  about: 'Download one file of a notebook',
  args: { notebook: whichNotebook, path: arg.required('path of the file') },
  flags: {
    version: versionFlag,
    to: flag.text('file', 'where to put it; - prints it', { fallback: 'its name, here', completes: 'file' }),
  },
  examples: [
    { line: 'notebook get digits train.ipynb', about: 'into this folder' },
    { line: 'notebook get digits train.ipynb --version 1 --to -', about: 'print an older one' },
  ],
  async run(context, { notebook, path }, { version, to }) {
    const { out } = context
    const client = await context.client()
    const response = await client.notebook.file({ notebook, path, ...(version && { version }) })
    if (to === '-') {
      for await (const chunk of response.body ?? []) await out.write(chunk)
      return
    }
    const target = resolve(context.cwd, to ?? basename(path))
    await pipeline(Readable.fromWeb(response.body as never), createWriteStream(target))
    if (out.json) await out.value({ path: target })
    else out.note(`Saved ${target}`)
  },
})

export const runFile = defineCommand({
  name: 'run',
  about: 'Run a notebook file as a job, with parameters',
  details: `
The files of the notebook travel as they are now, with its packages and variables. Parameters take the
place of those in the cell that is tagged \`parameters\`. The executed notebook is among the artifacts.`,
  args: { notebook: whichNotebook },
  flags: {
    file: flag.text('path', 'the file to run', { fallback: 'the only one there is' }),
    parameter: flag.texts('name=value', 'in place of the one in the file; a value may be JSON', { short: 'p' }),
    version: flag.whole('number', 'with the files of this version', { fallback: 'as they are now' }),
    name: jobFlags.name,
    machineType: jobFlags.machineType,
    timeLimit: jobFlags.timeLimit,
    tag: jobFlags.tag,
    detach: flag.on('do not wait for it', { short: 'd' }),
  },
  examples: [
    { line: 'notebook run digits --file train.ipynb -p epochs=3', about: 'watch it until its end' },
    { line: 'notebook run digits --file train.ipynb -p "layers=[64, 32]" --detach', about: 'a list; do not wait' },
  ],
  async run(context, { notebook }, flags) {
    const client = await context.client()
    const { file, version, name, machineType, timeLimit, tag, detach } = flags
    const body = {
      path: file ?? (await onlyFile(client, notebook)),
      parameters: Object.fromEntries(flags.parameter.map(readParameter)),
      tags: tag,
      ...(version !== undefined && { version }),
      ...(name !== undefined && { name }),
      ...(machineType !== undefined && { machineType }),
      ...(timeLimit !== undefined && { timeLimitSeconds: timeLimit }),
    }
    const job = await client.notebook.runAsJob({ notebook, body })
    await sayJob(context, job, detach)
    return detach ? 0 : followJob(context, job, { onInterrupt: 'stop' })
  },
})

type Client = Awaited<ReturnType<Parameters<typeof sayJob>[0]['client']>>

async function onlyFile(client: Client, notebook: string): Promise<string> {
  const all = await collect(eachFile((page) => client.notebook.files({ notebook, recursive: 'true', ...page })))
  const found = all.filter(({ path, type }) => type === 'file' && path.endsWith('.ipynb') && !/(^|\/)\./.test(path))
  if (found.length === 1) return found[0]!.path
  const names = found.slice(0, 5).map(({ path }) => path)
  throw usageError(
    found.length === 0 ? 'There is no notebook file in it.' : `There are several: ${names.join(', ')}.`,
    'Name the one to run: --file train.ipynb',
  )
}

/** A value that is JSON is taken as that, anything else as text. */
function readParameter(text: string): [string, z.core.util.JSONType] {
  const at = text.indexOf('=')
  if (at < 1) throw usageError(`${JSON.stringify(text)} is no parameter.`, 'Write it as name=value.')
  const value = text.slice(at + 1)
  try {
    return [text.slice(0, at), JSON.parse(value) as z.core.util.JSONType]
  } catch {
    return [text.slice(0, at), value]
  }
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw usageError(`${JSON.stringify(text)} is no number of a version.`, 'See them with `nabla notebook versions`.')
}
