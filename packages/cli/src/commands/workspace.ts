import { resolve } from 'node:path'
import { type Group, defineCommand } from '../command.ts'
import { arg, flag } from '../flags.ts'
import { limits } from '../limits.ts'

const preview = defineCommand({
  name: 'preview',
  about: 'Show what would travel of a folder, and what stays here and why',
  details: `
Sends nothing. Shows the largest files and folders, what is left out and by which
rule of which file, how much of it the server lacks, and data sets and virtual
environments that are there by accident, with what to do about them.`,
  args: { folder: arg.optional('the folder; this one if left out', 'file') },
  flags: {
    ignore: flag.texts('pattern', 'leave files out, as a line of .gitignore does'),
    limit: flag.whole('count', 'most rows in a table', { fallback: '10' }),
  },
  examples: [
    { line: 'workspace preview', about: 'of this folder' },
    { line: 'workspace preview --ignore data', about: 'without data' },
    { line: "workspace preview --json | jq '.caught'", about: 'what should not go, for a program' },
  ],
  async run(context, { folder }, flags) {
    const [{ previewFolder }, { readSource }, { usageError }] = await Promise.all([
      import('../workspace/preview.ts'),
      import('../workspace/source.ts'),
      import('../cli-error.ts'),
    ])
    const source = await readSource(resolve(context.cwd, folder ?? '.'), context.cwd)
    if (source.from !== 'folder') throw usageError(`${folder} is no folder.`, 'Name the folder of your code.')
    await previewFolder(context, {
      folder: source.path,
      patterns: flags.ignore,
      limit: flags.limit ?? limits.previewRows,
    })
  },
})

export const workspace: Group = {
  name: 'workspace',
  about: 'The files that travel with a job',
  commands: [preview],
}
