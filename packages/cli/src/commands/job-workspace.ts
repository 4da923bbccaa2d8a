import { ApiError } from '@nabla/api/client'
import { defineCommand } from '../command.ts'
import { arg, flag } from '../flags.ts'
import { collect, eachFile, fileColumns } from '../files/file-list.ts'
import { printList } from '../print-list.ts'
import { findJob } from '../project-file.ts'

export const workspace = defineCommand({
  name: 'workspace',
  about: 'Show the files that a job began with, or print one',
  args: {
    job: arg.optional('name or id of the job (default: the last one of this folder)', 'job'),
    path: arg.optional('a folder, to list it, or a file, to print it'),
  },
  flags: {
    recursive: flag.on('also what is in the folders'),
    glob: flag.text('pattern', 'only files that match, such as `*.py`'),
  },
  examples: [
    { line: 'job workspace', about: 'of the last job of this folder' },
    { line: 'job workspace train-7 src', about: 'what was in a folder' },
    { line: 'job workspace train-7 src/model.py > model.py', about: 'one file' },
  ],
  async run(context, args, { recursive, glob }) {
    const { out } = context
    const client = await context.client()
    const job = await findJob(context, args.job)
    const path = (args.path ?? '').replace(/\/+$/, '')
    const file = path === '' ? undefined : await client.workspace.get({ job, path }).catch(unlessFolder)
    if (!file) {
      const where = { job, path, ...(recursive && { recursive: 'true' as const }), ...(glob !== undefined && { glob }) }
      const items = await collect(eachFile((page) => client.workspace.list({ ...where, ...page })))
      await printList(context, items, { columns: fileColumns, empty: 'No files.' })
      return
    }
    for await (const chunk of file.body ?? []) await out.write(chunk)
  },
})

/** A folder is no file to be sent: it is listed. */
function unlessFolder(error: unknown): undefined {
  if (error instanceof ApiError && error.code === 'bad_path' && error.message.includes('it is a folder'))
    return undefined
  throw error
}
