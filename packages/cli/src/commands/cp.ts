import { stat } from 'node:fs/promises'
import { basename, join, posix, resolve } from 'node:path'
import { CliError, isApiError, usageError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { type CopyTotals, download, planDownload, planUpload, upload } from '../files/copy.ts'
import { isGlob } from '../files/file-list.ts'
import { type Location, parseLocation, placeForms, type Remote, type Writer } from '../files/places.ts'
import { type Item, lookUp, type Selection, selectLocal, selectRemote } from '../files/select.ts'
import { arg, flag } from '../flags.ts'
import { formatBytes, plural } from '../terminal/format.ts'

interface Options {
  recursive: boolean
  checksum: boolean
  dryRun: boolean
}

export const cp = defineCommand({
  name: 'cp',
  about: 'Copy files between this machine, storage, artifacts and datasets',
  details: `
A place on the server is written ${placeForms.join(' or ')}. From one to another on
the server nothing travels.

A file goes into the target if that ends in / or is a folder, else it gets its name.
A folder goes into the target under its own name; with a slash at its end, what is
in it does: \`data\` to \`storage:sets\` is sets/data, \`data/\` is sets. Quote patterns
for the server. A matching file goes into the target by its own name; with **, by
its path below the part without stars.

Files that are there with the same size and time are passed over, so a copy that was
cut goes on when it is called again. Links are left out.`,
  args: { path: arg.many('what to copy, and last where to', 'file') },
  flags: {
    recursive: flag.on('folders with all below them', { short: 'r' }),
    dryRun: flag.on('only say what would be copied', { short: 'n' }),
    checksum: flag.on('compare by SHA-256 and not by time'),
  },
  examples: [
    { line: 'cp data.csv storage:sets/', about: 'into storage' },
    { line: 'cp -r job:train-7/checkpoints .', about: 'artifacts to here' },
    { line: "cp 'storage:data/*.csv' csv/", about: 'what matches' },
    { line: 'cp job:train-7/model.pt storage:models/best.pt', about: 'on the server' },
    { line: 'cp -r dataset:faces:3/ faces', about: 'a version of a dataset to here' },
    { line: 'cp faces dataset:faces', about: 'a folder, as a new version' },
  ],
  async run(context, { path }, options) {
    const { out } = context
    const target = path.at(-1)
    const sources = path.slice(0, -1)
    if (target === undefined || sources.length === 0) {
      throw usageError('Copying takes a source and a target.', 'Write it like: nabla cp data.csv storage:data.csv')
    }
    const client = await context.client()
    const to = parseLocation(client, target)
    const from = sources.map((source) => parseLocation(client, source))
    const totals =
      'local' in to ? await intoLocal(context, from, to, options) : await intoRemote(context, from, to, options)
    if (out.json) await out.value({ ...totals, dryRun: options.dryRun })
    else sayTotals(context, totals, options)
  },
})

function sayTotals({ out }: Context, { files, sizeBytes, equal }: CopyTotals, { dryRun }: Options): void {
  const rest = equal > 0 ? `; ${plural(equal, 'file')} there already` : ''
  out.note(`${dryRun ? 'Would copy' : 'Copied'} ${plural(files, 'file')} (${formatBytes(sizeBytes)})${rest}`)
}

async function intoLocal(
  context: Context,
  from: Location[],
  to: { local: string; isFolder: boolean },
  options: Options,
): Promise<CopyTotals> {
  const target = resolve(context.cwd, to.local)
  const isThere = await stat(target).catch(() => undefined)
  const intoFolder = to.isFolder || isThere?.isDirectory() === true || from.length > 1
  const sum: CopyTotals = { files: 0, sizeBytes: 0, equal: 0 }
  for (const source of from) {
    if ('local' in source) throw usageError('Both of them are here.', 'Use cp for that, or write storage:PATH.')
    const selection = await selectRemote(source, { recursive: options.recursive, contents: source.isFolder })
    const transfer = { context, checksum: options.checksum }
    const items = named(selection.items, { intoFolder: intoFolder || isGlob(source.path), path: source.path })
    sayLeftOut(context, selection)
    const plan = await planDownload(transfer, source.place, items, target)
    if (options.dryRun)
      await say(context, plan.items, { from: source.place.prefix, to: `${to.local.replace(/\/$/, '')}/` })
    add(sum, options.dryRun ? totalOf(plan) : await download(transfer, source.place, plan, target))
  }
  return sum
}

async function intoRemote(context: Context, from: Location[], to: Remote, options: Options): Promise<CopyTotals> {
  const { place, path: target } = to
  if (place.dataset) return intoDataset(context, from, to, options)
  const { writer } = place
  if (!writer) throw usageError(`${place.prefix} cannot be written to.`, 'Copy to storage:PATH, or to a folder here.')
  const intoFolder = to.isFolder || from.length > 1 || (await isFolderThere(to))
  const sum: CopyTotals = { files: 0, sizeBytes: 0, equal: 0 }
  const transfer = { context, checksum: options.checksum }
  for (const source of from) {
    if (!('local' in source)) {
      add(sum, await onServer(context, source, { ...to, isFolder: intoFolder }, { ...options, writer }))
      continue
    }
    const contents = source.isFolder
    const selection = await selectLocal(context.cwd, source.local, { recursive: options.recursive, contents })
    const items = named(selection.items, { intoFolder, path: resolve(context.cwd, source.local) })
    sayLeftOut(context, selection)
    const plan = await planUpload(transfer, place, items, target)
    if (options.dryRun) await say(context, plan.items, { from: '', to: `${place.prefix}${target}` })
    add(sum, options.dryRun ? totalOf(plan) : await upload(transfer, { place, writer }, plan, target))
  }
  return sum
}

/** A version never changes: what is copied to a dataset is a new one. */
async function intoDataset(
  context: Context,
  from: Location[],
  { place: { dataset }, path }: Remote,
  { dryRun }: Options,
): Promise<CopyTotals> {
  const [source, ...others] = from
  if (!dataset || !source || others.length > 0 || path !== '' || !dataset.isLatest || dryRun) {
    throw usageError(
      'A new version of a dataset is made of one folder or file.',
      'Write it like: nabla cp DIR dataset:NAME. To add to a version: nabla dataset push NAME DIR --onto VERSION',
    )
  }
  const { importVersion, pushVersion } = await import('../files/dataset-version.ts')
  const { name } = dataset
  if ('local' in source) return pushVersion(context, { name, path: source.local })
  const { onServer: origin, prefix } = source.place
  if (!origin) throw usageError(`${prefix} cannot be copied on the server.`, 'Copy it to a folder here first.')
  const where = { path: source.path }
  const version = await importVersion(context, name, {
    source: origin.job === undefined ? { from: 'storage', ...where } : { from: 'job', job: origin.job, ...where },
  })
  return { files: version.files, sizeBytes: version.sizeBytes, equal: 0 }
}

/** From one place on the server to another: it copies by itself, a bounded time for each call. */
async function onServer(
  context: Context,
  source: Remote,
  to: Remote,
  options: Options & { writer: Writer },
): Promise<CopyTotals> {
  const { onServer: origin, prefix } = source.place
  if (!origin) throw usageError(`${prefix} cannot be copied on the server.`, 'Copy it to a folder here first.')
  const contents = source.isFolder
  const selection = await selectRemote(source, { recursive: options.recursive, contents })
  const items = selection.items.filter(({ isLink }) => !isLink)
  const odd = selection.items.filter(({ isLink }) => isLink).map(({ from }) => from)
  const placed = named(items, { intoFolder: to.isFolder || isGlob(source.path), path: source.path })
  if (options.dryRun) {
    sayLeftOut(context, { items, odd })
    const plan = await planUpload({ context, checksum: false }, to.place, placed, to.path)
    await say(context, plan.items, { from: prefix, to: `${to.place.prefix}${to.path}` })
    return totalOf(plan)
  }
  const isWhole = !isGlob(source.path) && (contents || !placed.some(({ from }) => from === source.path))
  const name = contents ? '' : posix.basename(source.path)
  const moves = isWhole
    ? [{ from: source.path, to: posix.join(to.path, name) }]
    : placed.map((item) => ({ from: item.from, to: posix.join(to.path, item.to) }))
  const sum: CopyTotals = { files: 0, sizeBytes: 0, equal: 0 }
  for (const move of moves) {
    for (let complete = false; !complete;) {
      const body = { from: { ...origin, path: move.from }, to: move.to === '.' ? '' : move.to }
      const step = await options.writer.copy({ body })
      complete = step.complete
      sum.files += step.files
      sum.sizeBytes += step.sizeBytes
      // Each call meets again what those before it have copied.
      if (complete) sum.equal += Math.max(0, step.equal - (sum.files - step.files))
      context.out.status(`Copied ${plural(sum.files, 'file')} (${formatBytes(sum.sizeBytes)})`)
    }
  }
  context.out.clearStatus()
  return sum
}

/** A file that is the source itself takes the name of the target, unless that is a folder. */
function named(items: Item[], { intoFolder, path }: { intoFolder: boolean; path: string }): Item[] {
  return items.map((item) => (!intoFolder && item.from === path ? { ...item, to: '' } : item))
}

async function isFolderThere({ place, path }: Remote): Promise<boolean> {
  try {
    return (await lookUp(place, path)).type === 'folder'
  } catch (error) {
    if (error instanceof CliError || (isApiError(error) && error.code === 'file_not_found')) return false
    throw error
  }
}

function sayLeftOut({ out }: Context, { odd }: Selection): void {
  if (odd.length === 0) return
  const some = odd.slice(0, 5).map((path) => basename(path))
  out.warn(
    `left out, because they are no plain files: ${some.join(', ')}${odd.length > 5 ? ` and ${odd.length - 5} more` : ''}`,
  )
}

async function say({ out }: Context, items: readonly Item[], { to }: { from: string; to: string }): Promise<void> {
  if (out.json) return
  await out.table(items, [
    { title: 'TO', rank: 0, shrinkTo: 20, value: (item) => (item.to === '' ? to : joined(to, item.to)) },
    { title: 'SIZE', rank: 1, align: 'right', value: (item) => formatBytes(item.sizeBytes) },
  ])
}

const joined = (to: string, path: string): string => (/[:/]$/.test(to) ? to + path : join(to, path))

function totalOf({ items, equal }: { items: readonly Item[]; equal: number }): CopyTotals {
  return { files: items.length, sizeBytes: items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), equal }
}

function add(sum: CopyTotals, more: CopyTotals): void {
  sum.files += more.files
  sum.sizeBytes += more.sizeBytes
  sum.equal += more.equal
}
