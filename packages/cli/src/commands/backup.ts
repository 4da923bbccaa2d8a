import { resolve } from 'node:path'
import { defineCommand } from '../command.ts'
import { usageError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { arg, flag } from '../flags.ts'
import { inServerWords, loadBackups, loadServerConfig, untilInterrupt } from '../server-here.ts'
import { formatBytes, formatTime, plural } from '../terminal/format.ts'

/** Which server of this machine is meant. */
export const serverFlags = {
  data: flag.text('folder', 'data folder of the server', { fallback: '~/.nabla/data', completes: 'file' }),
  database: flag.text('url', '`sqlite`, or a postgres:// address', { fallback: 'sqlite' }),
  config: flag.text('file', 'settings file of the server (YAML)', { completes: 'file' }),
}

/** A place as a person names it: folders are beneath the present one. */
export const placeFrom = ({ cwd }: Context, place: string): string =>
  place.startsWith('s3://') ? place : resolve(cwd, place.replace(/^file:\/\//, ''))

export const backup = defineCommand({
  name: 'backup',
  about: 'Back up the server of this machine, while it runs',
  details: `
Copies database, files, logs, packs, secret key and settings file to a folder or a bucket.
Only what is not there yet is copied; several backups can be in one place. One that was
broken off goes on when it is run again.

Run it as the user of the server, with the settings of the server. A backup holds the key
of its secrets: keep it as safe as the server.`,
  args: { place: arg.required('a folder, or s3://bucket/prefix', 'file') },
  flags: {
    ...serverFlags,
    check: flag.on('copy nothing; read the newest backup there and compare every checksum'),
    keep: flag.whole('count', 'then delete all but so many of the newest backups there, and what only those needed'),
  },
  examples: [
    { line: 'backup /mnt/backup/nabla', about: 'of the server in ~/.nabla/data' },
    { line: 'backup s3://backups/nabla --config nabla.yaml', about: 'to a bucket at the endpoint of the settings' },
    { line: 'backup --keep 7 /mnt/backup/nabla', about: 'and let the oldest go' },
    { line: 'backup --check /mnt/backup/nabla', about: 'is it whole?' },
  ],
  async run(context, { place }, { check, keep, ...flags }) {
    if (keep === 0 || (keep !== undefined && check)) {
      throw usageError('--keep takes a number from 1 on, and not with --check.', 'Say how many backups shall stay.')
    }
    const { signal, release } = untilInterrupt(context)
    try {
      return await inServerWords(async () => {
        const { config, text } = await loadServerConfig(context, flags)
        const job = { config, signal, place: placeFrom(context, place), onStep: stepsOf(context) }
        return check ? await checkThere(context, job) : await backUpTo(context, job, text, keep)
      })
    } finally {
      release()
    }
  },
})

/** Shows what is being done. */
export const stepsOf =
  ({ out }: Context) =>
  (step: string): void =>
    out.status(`${step[0]?.toUpperCase()}${step.slice(1)}…`)

type Job = Parameters<Awaited<ReturnType<typeof loadBackups>>['backUpServer']>[0]

async function backUpTo(
  { out }: Context,
  job: Job,
  settings: string | undefined,
  keep: number | undefined,
): Promise<number> {
  const { backUpServer, prunePlace } = await loadBackups()
  const report = await backUpServer(job, settings)
  if (keep !== undefined) job.onStep('deleting old backups')
  const pruned = keep === undefined ? undefined : await prunePlace(job, keep)
  if (out.json) {
    await out.value({ ...report, ...(pruned && { pruned }) })
    return exitCodes.ok.code
  }
  const { rows, files, packs, sizeBytes, newBytes, leftOut } = report
  const counts = [plural(rows, 'row'), plural(files, 'file'), plural(packs, 'pack')].join(', ')
  await out.line(`${out.style('green', '✔')} Backed up to ${job.place}: ${counts}, ${formatBytes(sizeBytes)}`)
  await out.line(out.style('dim', `  ${formatBytes(newBytes)} of it are new`))
  if (pruned) {
    const { backups, keptBackups, freedBytes } = pruned
    const text = `${plural(backups, 'old backup')} deleted, ${formatBytes(freedBytes)} freed, ${keptBackups} kept`
    await out.line(out.style('dim', `  ${text}`))
  }
  if (leftOut > 0) out.note(`${plural(leftOut, 'file')} could not be read, or no plain files, and are not in it.`)
  return exitCodes.ok.code
}

async function checkThere({ out }: Context, job: Job): Promise<number> {
  out.status('Reading the backup…')
  const { checkPlace } = await loadBackups()
  const report = await checkPlace(job)
  const { damaged } = report
  if (out.json) {
    await out.value(report)
  } else {
    for (const { key, reason, affects } of damaged) {
      await out.line(`${out.style('red', '✖')} ${key}: ${reason}`)
      await out.line(out.style('dim', `  needed for ${affects.join(', ')}`))
    }
    const read = `${plural(report.objects, 'object')}, ${formatBytes(report.sizeBytes)}`
    if (damaged.length === 0) {
      await out.line(`${out.style('green', '✔')} The backup of ${formatTime(report.createdAt)} is whole: ${read}`)
    } else {
      await out.line('Delete what is marked ✖ and run `nabla backup` again, or use another backup.')
    }
  }
  return damaged.length === 0 ? exitCodes.ok.code : exitCodes.failure.code
}
