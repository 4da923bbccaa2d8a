import { basename, join, resolve } from 'node:path'
import { stat } from 'node:fs/promises'
import type { Client } from '@nabla/api/client'
import type { FileEntry } from '@nabla/api/file'
import { storageRoutes, type StorageUsage } from '@nabla/api/storage'
import picomatch from 'picomatch'
import { CliError, usageError } from '../cli-error.ts'
import { defineCommand, type Group } from '../command.ts'
import type { Context } from '../context.ts'
import { download, planDownload } from '../files/copy.ts'
import { collect, eachFile, fileColumns, isGlob, totalOf } from '../files/file-list.ts'
import { arg, flag } from '../flags.ts'
import { formatBytes, plural } from '../terminal/format.ts'
import { callCommand } from '../from-contract.ts'
import { printList } from '../print-list.ts'
import { askToGoOn } from '../terminal/prompts.ts'
import { storagePlace } from '../files/places.ts'
import { putFiles } from '../files/put-files.ts'
import { selectRemote } from '../files/select.ts'

const ls = defineCommand({
  name: 'ls',
  about: 'Show files and folders in storage',
  args: { path: arg.optional('a folder or a pattern such as `runs/*.pt` (default: the top)') },
  flags: { recursive: flag.on('everything below it too', { short: 'r' }) },
  examples: [
    { line: 'storage ls', about: 'what is at the top: /storage in a job' },
    { line: 'storage ls -r data', about: 'a folder with all below it' },
    { line: "storage ls 'runs/**/*.pt'", about: 'quote patterns, so that your shell leaves them alone' },
  ],
  async run(context, args, flags) {
    const client = await context.client()
    const path = inStorage(args.path ?? '')
    const items = isGlob(path) ? await matching(client, path) : await collect(listed(client, path, flags.recursive))
    const empty = path === '' ? 'Storage is empty. Put something in: nabla storage put FILE' : `${path} is empty.`
    await printList(context, items, { columns: fileColumns, empty })
  },
})

const get = defineCommand({
  name: 'get',
  about: 'Download files or folders from storage',
  args: { path: arg.many('files, folders or patterns in storage') },
  flags: { to: flag.text('path', 'where to put them; - prints a file', { fallback: 'here', completes: 'file' }) },
  examples: [
    { line: 'storage get runs/best.pt', about: 'one file, into this folder' },
    { line: 'storage get runs --to results', about: 'a folder, as results/runs' },
    { line: "storage get 'runs/*.json' --to results", about: 'what matches a pattern' },
    { line: 'storage get notes.txt --to -', about: 'print it' },
  ],
  async run(context, args, { to }) {
    const { out } = context
    const client = await context.client()
    const target = resolve(context.cwd, to ?? '.')
    const sum = { path: target, files: 0, sizeBytes: 0 }
    for (const text of args.path) {
      const path = inStorage(text)
      const entry = isGlob(path) ? undefined : await lookUp(client, path)
      if (entry?.type === 'file' && to === '-') {
        for await (const chunk of (await client.storage.get({ path })).body ?? []) await out.write(chunk)
        continue
      }
      if (to === '-') throw usageError(`Only a file can be printed, and ${text} is none.`, 'Give --to a folder.')
      const got = await fetchSome(context, client, path, { to, isFile: entry?.type === 'file' })
      sum.files += got.files
      sum.sizeBytes += got.sizeBytes
    }
    if (to === '-') return
    if (out.json) await out.value(sum)
    else out.note(`Saved ${plural(sum.files, 'file')} (${formatBytes(sum.sizeBytes)}) in ${target}`)
  },
})

const put = defineCommand({
  name: 'put',
  about: 'Upload files or folders into storage',
  details: `
A file is replaced only once the new one has arrived whole. Every file is checked
against its SHA-256.`,
  args: { local: arg.many('files and folders here', 'file') },
  flags: {
    to: flag.text('path', 'where to in storage; a folder if it ends in / or is one', { fallback: 'the top' }),
    recursive: flag.on('folders with all below them', { short: 'r' }),
  },
  examples: [
    { line: 'storage put data.csv', about: 'a job reads it as /storage/data.csv' },
    { line: 'storage put -r images --to datasets/', about: 'a folder, as /storage/datasets/images' },
    { line: 'storage put *.pt --to models/', about: 'several files' },
  ],
  async run(context, args, flags) {
    const { out } = context
    const client = await context.client()
    const to = inStorage(flags.to ?? '')
    const intoFolder =
      to === '' || flags.to?.endsWith('/') === true || args.local.length > 1 || (await isFolder(client, to))
    const sources = await Promise.all(
      args.local.map(async (text) => {
        const path = resolve(context.cwd, text)
        const stats = await stat(path).catch(() => undefined)
        if (!stats) throw new CliError(`There is no file ${text} here.`, 'Check its path.', 'notFound')
        if (stats.isDirectory() && !flags.recursive) {
          throw usageError(`${text} is a folder.`, `To send all of it: nabla storage put -r ${text}`)
        }
        return { path, to: intoFolder ? join(to, basename(path)) : to }
      }),
    )
    const sum = await putFiles(context, client, sources)
    if (out.json) await out.value(sum)
    else out.note(`Stored ${plural(sum.files, 'file')} (${formatBytes(sum.sizeBytes)}) in /storage/${to}`)
  },
})

const rm = defineCommand({
  name: 'rm',
  about: 'Delete files or folders from storage',
  args: { path: arg.many('files, folders or patterns in storage') },
  flags: {
    recursive: flag.on('folders with all below them', { short: 'r' }),
    yes: flag.on('do not ask before deleting a folder', { short: 'y' }),
  },
  examples: [
    { line: 'storage rm old.pt', about: 'one file' },
    { line: "storage rm 'runs/*.tmp'", about: 'what matches a pattern' },
    { line: 'storage rm -r runs/2025', about: 'a folder; asks first' },
  ],
  async run(context, args, flags) {
    const { out } = context
    const client = await context.client()
    const deleted: string[] = []
    for (const text of args.path) {
      const path = inStorage(text)
      const found = isGlob(path) ? await matching(client, path) : [await lookUp(client, path)]
      if (found.length === 0) throw new CliError(`Nothing matches ${text}.`, 'See `nabla storage ls -r`.', 'notFound')
      for (const entry of found) {
        if (entry.type === 'folder' && flags.recursive && !flags.yes) {
          const { files, sizeBytes } = await totalOf(listed(client, entry.path, true))
          await askToGoOn(context, `Delete ${entry.path}/ with ${plural(files, 'file')} (${formatBytes(sizeBytes)})?`)
        }
        await client.storage.delete({ path: entry.path, ...(flags.recursive && { recursive: 'true' }) })
        deleted.push(entry.path)
      }
    }
    if (out.json) await out.value({ deleted })
    else for (const path of deleted) out.note(`Deleted ${path}`)
  },
})

const mv = defineCommand({
  name: 'mv',
  about: 'Move or rename a file or folder in storage',
  args: {
    from: arg.required('a file or folder in storage'),
    to: arg.required('its new path; into a folder if it ends in /'),
  },
  flags: { force: flag.on('replace a file that is there', { short: 'f' }) },
  examples: [
    { line: 'storage mv runs/7 best', about: 'rename a folder' },
    { line: 'storage mv model.pt models/', about: 'into a folder' },
  ],
  async run(context, args, { force }) {
    const client = await context.client()
    const from = inStorage(args.from)
    const to = args.to.endsWith('/') ? join(inStorage(args.to), basename(from)) : inStorage(args.to)
    const moved = await client.storage.move({ body: { from, to, overwrite: force } })
    if (context.out.json) await context.out.value(moved)
    else context.out.note(`Moved ${from} to ${to}`)
  },
})

const mkdir = defineCommand({
  name: 'mkdir',
  about: 'Make folders in storage, and those above them',
  args: { path: arg.many('folders in storage') },
  examples: [{ line: 'storage mkdir sets/2026', about: 'a job sees it as /storage/sets/2026' }],
  async run({ client: connect, out }, args) {
    const client = await connect()
    for (const text of args.path) await client.storage.makeFolder({ body: { path: inStorage(text) } })
    if (out.json) await out.value({ made: args.path.map(inStorage) })
    else out.note(`Made ${args.path.map((text) => `${inStorage(text)}/`).join(', ')}`)
  },
})

const du = defineCommand({
  name: 'du',
  about: 'Show what takes the space in storage, largest first',
  args: { path: arg.optional('a folder (default: the top)') },
  flags: { depth: flag.whole('levels', 'how deep to look for folders', { short: 'd', fallback: '1' }) },
  examples: [
    { line: 'storage du', about: 'what is at the top' },
    { line: 'storage du runs --depth 2', about: 'two levels of a folder' },
  ],
  async run(context, args, { depth }) {
    const { out } = context
    const client = await context.client()
    const answer = await client.storage.du({ path: inStorage(args.path ?? ''), ...(depth !== undefined && { depth }) })
    if (out.json) {
      await out.value(answer)
      return
    }
    const { items, total, complete } = answer
    const share = (bytes: number) => `${Math.round((100 * bytes) / Math.max(1, total.sizeBytes))}%`
    await out.table(items, [
      { title: 'PATH', rank: 0, shrinkTo: 20, value: ({ path, type }) => (type === 'folder' ? `${path}/` : path) },
      { title: 'SIZE', rank: 1, align: 'right', value: ({ sizeBytes }) => formatBytes(sizeBytes) },
      { title: 'SHARE', rank: 2, align: 'right', value: ({ sizeBytes }) => share(sizeBytes) },
      { title: 'FILES', rank: 3, align: 'right', value: ({ files }) => files.toLocaleString('en-US') },
    ])
    out.note(`${formatBytes(total.sizeBytes)} in ${plural(total.files, 'file')}`)
    if (!complete)
      out.warn('there was too much to look at all of it: sizes are at least these. Name a folder for more.')
  },
})

const usage = callCommand<StorageUsage>('storage', storageRoutes, 'usage', {
  name: 'usage',
  about: 'Show how much of the storage is used',
  examples: [{ line: 'storage usage', about: 'with the quota and what is left' }],
  async print({ out }, { region, usedBytes, files, quotaBytes, freeBytes }) {
    const share =
      quotaBytes === null ? '' : `, ${Math.round((100 * usedBytes) / Math.max(1, quotaBytes))}% of the quota`
    await out.fields([
      ['used', `${formatBytes(usedBytes)} in ${plural(files, 'file')}${share}`],
      ['quota', quotaBytes === null ? 'none: as large as the disk' : formatBytes(quotaBytes)],
      ['left', formatBytes(freeBytes)],
      ['region', region],
    ])
  },
})

export const storage: Group = {
  name: 'storage',
  about: 'Files that every job of the team sees at /storage',
  commands: [ls, get, put, rm, mv, mkdir, du, usage],
}

/** Paths are relative to the storage; written as a job sees them, with /storage in front, they mean the same. */
function inStorage(path: string): string {
  return path
    .replace(/^\/storage(?=\/|$)/, '')
    .replace(/^\/+/, '')
    .replace(/\/+$/, '')
}

function listed(client: Client, path: string, recursive: boolean): AsyncGenerator<FileEntry> {
  return eachFile((page) => client.storage.list({ path, recursive: String(recursive), ...page }))
}

/** Files and folders that match; the part of the pattern before its first star is where the search begins. */
async function matching(client: Client, pattern: string): Promise<FileEntry[]> {
  const { base } = picomatch.scan(pattern)
  const matches = picomatch(pattern, { dot: true })
  const found: FileEntry[] = []
  for await (const entry of listed(client, base, pattern.slice(base.length + 1).includes('/'))) {
    if (matches(entry.path)) found.push(entry)
  }
  return found
}

/** What is at a path, found by listing the folder that it is in. Throws when there is nothing. */
async function lookUp(client: Client, path: string): Promise<FileEntry> {
  const slash = path.lastIndexOf('/')
  for await (const entry of listed(client, path.slice(0, Math.max(0, slash)), false)) {
    if (entry.path === path) return entry
  }
  throw new CliError(`There is no ${path} in storage.`, 'Run `nabla storage ls` to see what there is.', 'notFound')
}

async function isFolder(client: Client, path: string): Promise<boolean> {
  return lookUp(client, path).then(
    ({ type }) => type === 'folder',
    () => false,
  )
}

/** Folders keep their own name below the target; what matches a pattern keeps its path. */
async function fetchSome(
  context: Context,
  client: Client,
  path: string,
  { to, isFile }: { to: string | undefined; isFile: boolean },
): Promise<{ files: number; sizeBytes: number }> {
  const target = resolve(context.cwd, to ?? '.')
  const place = storagePlace(client)
  const found = await selectRemote({ place, path, isFolder: false }, { recursive: true, contents: false })
  const isThere = await stat(target).catch(() => undefined)
  const rename = isFile && !isThere?.isDirectory() && to !== undefined && !to.endsWith('/')
  const items = found.items.map((item) => {
    if (rename) return { ...item, to: '' }
    return isGlob(path) ? { ...item, to: item.from } : item
  })
  const transfer = { context, checksum: false }
  await download(transfer, place, await planDownload(transfer, place, items, target), target)
  const files = items.filter(({ isLink }) => !isLink).length
  return { files, sizeBytes: items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) }
}
