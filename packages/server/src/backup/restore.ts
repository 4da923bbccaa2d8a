import { chmod, lchown, lutimes, mkdir, open, readdir, rename, rm, rmdir, symlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { expectEmptyDatabase, fillDatabase, rowsPerInsert, type TableRows } from '../db/refill.ts'
import { AppError } from '../lib/app-error.ts'
import { isMissing } from '../lib/file-error.ts'
import { expectNoOwner, ownerCounter } from '../trees/store-owner.ts'
import type { ObjectStore } from '../stores/store.ts'
import { packKey } from '../trees/packs.ts'
import { flushTree } from '../volumes/flush-tree.ts'
import { BlobReader, readVerified } from './blobs.ts'
import { type FileEntry, fileEntry, type Manifest, packEntry, packKeyOf, type StreamParts } from './format.ts'
import { needManifest } from './manifest.ts'

export interface RestoreOptions {
  /** Where the data folder and the database shall be. */
  config: Config
  /** The place of the backup. */
  from: ObjectStore
  /** Opens the object store of the new server, whose data folder is given. */
  openTarget: (data: string) => ObjectStore
  signal: AbortSignal
  onStep?: (step: string) => void
}

export interface RestoreReport {
  createdAt: string
  files: number
  packs: number
  rows: number
  /** Text of the settings file that was backed up. */
  settings: string | null
}

/**
 * Makes a server of the newest backup of a place: into a data folder and a database that are empty. All is put
 * together beside the data folder, every checksum compared, and moved there at the end. Throws AppError `not_empty`,
 * `no_backup`, `backup_damaged`, `backup_unusable`, `database_newer`, `store_owned`.
 */
export async function restore(options: RestoreOptions): Promise<RestoreReport> {
  const { config, from, signal, onStep = () => undefined } = options
  await expectEmptyFolder(config.data)
  await expectEmptyDatabase(config)
  const { manifest } = await needManifest(from, signal)
  const staging = `${config.data}.restoring`
  await rm(staging, { recursive: true, force: true })
  await mkdir(staging, { recursive: true, mode: 0o700 })
  const target = options.openTarget(staging)
  await expectNoOwner(target)
  const reader = new BlobReader(from, signal)
  onStep('copying files')
  await restoreFiles(reader, manifest.files.parts, staging, signal)
  onStep('copying packs')
  for await (const line of reader.lines(manifest.packs.parts)) {
    const [id, hash] = packEntry.parse(line)
    await target.put(packKey(id), await readVerified(from, packKeyOf(id, hash), hash, signal), signal)
  }
  onStep('filling the database')
  const rows = readRows(reader, manifest.rows.parts)
  await fillDatabase({ data: staging, database: config.database }, manifest.migrations, rows)
  await flushTree(staging)
  await moveInto(staging, config.data)
  return reportOf(manifest)
}

function reportOf({ createdAt, files, packs, rows, settings }: Manifest): RestoreReport {
  return { createdAt, files: files.lines, packs: packs.lines, rows: rows.count, settings }
}

async function expectEmptyFolder(path: string): Promise<void> {
  const names = await readdir(path).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw new AppError('data_unusable', { path, reason: error instanceof Error ? error.message : String(error) })
  })
  if (names.length > 0) throw new AppError('not_empty', { place: `the folder ${path}` })
}

/** A folder that is there and empty makes way. */
async function moveInto(staging: string, data: string): Promise<void> {
  await rmdir(data).catch((error: unknown) => {
    if (!isMissing(error)) throw error
  })
  await rename(staging, data)
}

async function restoreFiles(
  reader: BlobReader,
  parts: StreamParts['parts'],
  staging: string,
  signal: AbortSignal,
): Promise<void> {
  // Folders get their modes and times once nothing is put into them any more.
  const open: FileEntry[] = []
  const settle = async (path: string): Promise<void> => {
    for (let last = open.at(-1); last && !path.startsWith(`${last.path}/`); last = open.at(-1)) {
      open.pop()
      await dress(pathIn(staging, last.path), last)
    }
  }
  for await (const line of reader.lines(parts)) {
    signal.throwIfAborted()
    const entry = fileEntry.parse(line)
    const path = pathIn(staging, entry.path)
    await settle(entry.path)
    if (entry.type === 'folder') {
      await mkdir(path, { mode: 0o700 })
      open.push(entry)
    } else if (entry.type === 'link') {
      await symlink(Buffer.from(entry.target ?? '', 'latin1'), path)
      await own(path, entry)
      await lutimes(path, entry.mtimeMs / 1000, entry.mtimeMs / 1000)
    } else {
      await restoreFile(reader, entry, path)
      await dress(path, entry)
    }
  }
  await settle('')
}

async function restoreFile(reader: BlobReader, { parts = [], sizeBytes }: FileEntry, path: Buffer): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    let written = 0
    for (const part of parts) {
      const bytes = await reader.read(part)
      await file.writeFile(bytes)
      written += bytes.length
    }
    if (written !== sizeBytes) throw new AppError('backup_unusable', { reason: 'the sizes of its files do not fit' })
  } finally {
    await file.close()
  }
}

async function dress(path: Buffer, entry: FileEntry): Promise<void> {
  await own(path, entry)
  await chmod(path, entry.mode)
  await utimes(path, entry.mtimeMs / 1000, entry.mtimeMs / 1000)
}

/** Only root can give files to others; for anyone else they are its own. */
async function own(path: Buffer, { uid, gid }: FileEntry): Promise<void> {
  if (process.getuid?.() === 0) await lchown(path, uid, gid)
}

/** Entries were made by a walk: parts that lead out can only have been put there by someone. */
function pathIn(staging: string, path: string): Buffer {
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..') || path.includes('\0')) {
    throw new AppError('backup_unusable', { reason: 'a path in it leads elsewhere' })
  }
  return Buffer.concat([Buffer.from(join(staging, '/')), Buffer.from(path, 'latin1')])
}

async function* readRows(reader: BlobReader, parts: StreamParts['parts']): AsyncGenerator<TableRows> {
  let table: { name: string; columns: string[] } | undefined
  let rows: unknown[][] = []
  for await (const line of reader.lines(parts)) {
    if (Array.isArray(line)) {
      if (table?.name === 'counters' && line[table.columns.indexOf('name')] === ownerCounter) continue
      rows.push(line)
      if (rows.length < rowsPerInsert) continue
    }
    if (table && rows.length > 0) yield { ...table, rows }
    rows = []
    if (Array.isArray(line)) continue
    const { table: name, columns } = line as { table: string; columns: string[] }
    table = { name, columns }
  }
  if (table && rows.length > 0) yield { ...table, rows }
}
