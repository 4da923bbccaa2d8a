import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defineCommand } from '../command.ts'
import { arg } from '../flags.ts'
import { quoteWord } from '../quote.ts'
import { inServerWords, loadBackups, loadServerConfig, untilInterrupt } from '../server-here.ts'
import { formatTime, plural } from '../terminal/format.ts'
import { placeFrom, serverFlags, stepsOf } from './backup.ts'

export const restore = defineCommand({
  name: 'restore',
  about: 'Make a server of a backup, in an empty folder',
  details: `
Takes the newest backup of the place and compares every checksum. The data folder must be
empty or not be there, and the database must have no tables; it need not be of the kind
that was backed up. Nothing is there until all of it is.`,
  args: { place: arg.required('a folder, or s3://bucket/prefix', 'file') },
  flags: serverFlags,
  examples: [
    { line: 'restore /mnt/backup/nabla --data /srv/nabla', about: 'then `nabla up --data /srv/nabla`' },
    {
      line: 'restore /mnt/backup/nabla --data /srv/nabla --database postgres://nabla@db/nabla',
      about: 'into PostgreSQL, also what was in SQLite',
    },
  ],
  async run(context, { place }, flags) {
    const { out } = context
    const { signal, release } = untilInterrupt(context)
    try {
      await inServerWords(async () => {
        const { config } = await loadServerConfig(context, flags)
        const { restoreServer } = await loadBackups()
        const job = { config, signal, place: placeFrom(context, place), onStep: stepsOf(context) }
        const { settings, ...report } = await restoreServer(job)
        const kept = join(config.data, 'settings-of-backup.yaml')
        if (settings !== null) await writeFile(kept, settings, { mode: 0o600 })
        if (out.json) {
          await out.value({ ...report, data: config.data, settings: settings === null ? null : kept })
          return
        }
        const { createdAt, rows, files, packs } = report
        const counts = [plural(rows, 'row'), plural(files, 'file'), plural(packs, 'pack')].join(', ')
        await out.line(`${out.style('green', '✔')} Restored what was backed up ${formatTime(createdAt)}: ${counts}`)
        if (settings !== null) await out.line(out.style('dim', `  its settings file is in ${kept}`))
        const other = flags.database === undefined ? '' : ' --database …'
        await out.line(`Start it with ${out.style('bold', `nabla up --data ${quoteWord(config.data)}${other}`)}`)
      })
    } finally {
      release()
    }
  },
})
