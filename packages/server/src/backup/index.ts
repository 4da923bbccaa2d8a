import { resolve, sep } from 'node:path'
import type { Config } from '../config.ts'
import { checkHasData } from '../db/data-lock.ts'
import { AppError } from '../lib/app-error.ts'
import { systemClock } from '../lib/clock.ts'
import { openFolderStore } from '../stores/folder/folder-store.ts'
import { openStore, s3Settings } from '../stores/index.ts'
import { openS3Store } from '../stores/s3/s3-store.ts'
import type { ObjectStore } from '../stores/store.ts'
import { backUp, type BackupReport } from './backup.ts'
import { type BackupCheck, checkBackup } from './check.ts'
import { prune, type PruneReport } from './prune.ts'
import { restore, type RestoreReport } from './restore.ts'

export type { BackupCheck, BackupReport, PruneReport, RestoreReport }

export interface Job {
  config: Config
  /** A folder, or `s3://bucket/prefix` at the endpoint and with the credentials of the setting `s3`. */
  place: string
  signal: AbortSignal
  onStep: (step: string) => void
}

/** Backs up the server of these settings. It may be running; nothing is asked of it. Throws AppError `no_data`. */
export async function backUpServer({ place, ...job }: Job, settings: string | undefined): Promise<BackupReport> {
  const source = openStore(job.config, systemClock)
  const target = openPlace(job.config, place)
  checkHasData(job.config)
  // A collection would take the backup for objects that nothing needs.
  if (source.place === target.place) {
    throw new AppError('invalid', { detail: `A backup cannot be where the server keeps its objects: ${target.place}.` })
  }
  return backUp({ ...job, source, target, clock: systemClock, settings })
}

/** Deletes all but the newest `keep` backups of a place, and what only those needed. */
export async function prunePlace({ place, config, signal }: Omit<Job, 'onStep'>, keep: number): Promise<PruneReport> {
  return prune({ target: openPlace(config, place), clock: systemClock, signal }, keep)
}

/** Makes a server of the newest backup in a place. */
export async function restoreServer({ place, config, ...job }: Job): Promise<RestoreReport> {
  const openTarget = (data: string): ObjectStore => openStore({ ...config, data }, systemClock)
  return restore({ ...job, config, from: openPlace(config, place), openTarget })
}

/** Reads the newest backup in a place, and compares every checksum. */
export async function checkPlace({ place, config, signal }: Omit<Job, 'onStep'>): Promise<BackupCheck> {
  return checkBackup(openPlace(config, place), signal)
}

function openPlace(config: Config, place: string): ObjectStore {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)\/?(.*?)\/?$/.exec(place) ?? []
  if (bucket === undefined) {
    const folder = resolve(place.replace(/^file:\/\//, ''))
    if (!`${folder}${sep}`.startsWith(`${config.data}${sep}`)) return openFolderStore(folder)
    throw new AppError('invalid', { detail: `A backup cannot be in the data folder itself: ${folder}.` })
  }
  if (!config.s3) {
    throw new AppError('invalid', {
      detail: `${place} needs the setting s3: set NABLA_S3_ENDPOINT, or name it in --config.`,
    })
  }
  const prefixed = prefix === '' ? '' : `${prefix}/`
  if (!/^([a-z0-9][a-z0-9._-]*\/)*$/.test(prefixed)) {
    throw new AppError('invalid', { detail: `${place} has parts that are not lower-case letters, digits, ., _ or -.` })
  }
  return openS3Store(s3Settings({ ...config.s3, bucket, prefix: prefixed }), systemClock)
}
