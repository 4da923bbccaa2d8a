import { version } from '@nabla/api'
import type { Config } from '../config.ts'
import { readSnapshot, type Snapshot } from '../db/snapshot.ts'
import { AppError } from '../lib/app-error.ts'
import { type Clock, toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import type { ObjectStore } from '../stores/store.ts'
import { BlobReader, Blobs, LineWriter, sha256 } from './blobs.ts'
import { claiming } from './claim.ts'
import { type CopiedFiles, copyFiles, noEntries } from './files.ts'
import { fileEntry, type FileEntry, type Manifest, manifestPrefix, type StreamParts } from './format.ts'
import { latestManifest } from './manifest.ts'
import { copyPacks } from './packs.ts'

export interface BackupOptions {
  config: Config
  /** Where the server keeps its packs. */
  source: ObjectStore
  /** Where the backup goes; there may be earlier ones. */
  target: ObjectStore
  clock: Clock
  signal: AbortSignal
  /** Text of the settings file, to be kept with it. */
  settings?: string | undefined
  onStep?: (step: string) => void
}

export interface BackupReport {
  manifest: string
  files: number
  packs: number
  rows: number
  sizeBytes: number
  /** What was not there from earlier backups. */
  newBytes: number
  /** Files that could not be read. */
  leftOut: number
}

/**
 * Backs up a server, which may be running. First the files, which takes longest; then the rows of one moment, and once
 * more the files that have changed, so that each is as new as the rows or newer; then all packs that the rows name.
 * What was deleted between its row and its turn makes it look again. The manifest is written last: a backup that was
 * broken off is none, and the next one goes on with what it stored. Throws AppError `busy` while old backups are
 * deleted there.
 */
export async function backUp(options: BackupOptions): Promise<BackupReport> {
  return claiming(options, 'copy', () => copyServer(options))
}

async function copyServer(options: BackupOptions): Promise<BackupReport> {
  const { config, target, clock, signal, onStep = () => undefined } = options
  const blobs = new Blobs(target, signal)
  const reader = new BlobReader(target, signal)
  const entries = async function* (parts: StreamParts['parts']): AsyncGenerator<FileEntry> {
    for await (const line of reader.lines(parts)) yield fileEntry.parse(line)
  }
  const copyAll = async (before: AsyncGenerator<FileEntry>): Promise<CopiedFiles & { stream: StreamParts }> => {
    const lines = new LineWriter(blobs)
    const copied = await copyFiles(config.data, blobs, lines, before, signal)
    return { ...copied, stream: await lines.finish() }
  }

  onStep('looking at what is there')
  await blobs.look()
  const earlier = await latestManifest(target, signal)
  onStep('copying files')
  let files = await copyAll(earlier ? entries(earlier.manifest.files.parts) : noEntries())
  for (let round = 1; ; round++) {
    onStep('copying the database')
    const rows = await readSnapshot(config, (snapshot) => copyRows(snapshot, blobs, signal))
    onStep('copying files that have changed')
    const before = files
    files = await copyAll(entries(before.stream.parts))
    onStep('copying packs')
    const packs = await copyPacks(options, rows.packs, blobs)
    const gone = rows.volumes.some((id) => before.volumes.has(id) && !files.volumes.has(id))
    if (packs.missing.length > 0 || gone) {
      if (round < limits.backupRounds) continue
      throw new AppError('backup_unusable', { reason: whyNot(packs.missing) })
    }
    const manifest: Manifest = {
      format: 1,
      version,
      createdAt: toIso(clock.now()),
      database: config.database === 'sqlite' ? 'sqlite' : 'postgres',
      migrations: [...rows.migrations],
      rows: { ...rows.stream, count: rows.count },
      files: { ...files.stream, sizeBytes: files.sizeBytes, leftOut: files.leftOut },
      packs: { ...packs.stream, sizeBytes: packs.sizeBytes },
      settings: options.settings ?? null,
    }
    return {
      manifest: await putManifest(target, manifest, signal),
      files: files.stream.lines,
      packs: packs.stream.lines,
      rows: rows.count,
      sizeBytes: files.sizeBytes + packs.sizeBytes,
      newBytes: blobs.newBytes + packs.newBytes,
      leftOut: files.leftOut,
    }
  }
}

function whyNot(missing: readonly string[]): string {
  if (missing.length === 0) return 'volumes are being deleted too quickly; try again when less is going on'
  return `packs are missing in the object store, such as ${missing[0]}; see what \`nabla fsck\` says`
}

interface CopiedRows {
  migrations: readonly string[]
  stream: StreamParts
  count: number
  /** Ids of the packs that hold chunks. */
  packs: string[]
  /** Ids of the volumes that are not deleted. */
  volumes: string[]
}

async function copyRows(snapshot: Snapshot, blobs: Blobs, signal: AbortSignal): Promise<CopiedRows> {
  const lines = new LineWriter(blobs)
  const copied = { count: 0, packs: [] as string[], volumes: [] as string[] }
  for (const table of snapshot.tables) {
    await lines.add({ table: table.name, columns: table.columns })
    const value = (row: readonly unknown[], column: string): unknown => row[table.columns.indexOf(column)]
    for await (const row of snapshot.rows(table)) {
      signal.throwIfAborted()
      await lines.add(row)
      copied.count++
      if (table.name === 'packs' && value(row, 'doomed_at') === null) copied.packs.push(String(value(row, 'id')))
      if (table.name === 'volumes' && value(row, 'deleted_at') === null) copied.volumes.push(String(value(row, 'id')))
    }
  }
  return { ...copied, migrations: snapshot.migrations, stream: await lines.finish() }
}

async function putManifest(target: ObjectStore, manifest: Manifest, signal: AbortSignal): Promise<string> {
  const bytes = Buffer.from(JSON.stringify(manifest))
  const time = manifest.createdAt.toLowerCase().replaceAll(/[:.]/g, '-')
  const key = `${manifestPrefix}${time}-${sha256(bytes)}`
  await target.put(key, bytes, signal)
  return key
}
