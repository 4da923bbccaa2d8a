import type { InstalledPackage } from '@nabla/api/job-packages'
import { defineCommand } from '../command.ts'
import { arg } from '../flags.ts'
import { findJob } from '../project-file.ts'

export const packages = defineCommand({
  name: 'packages',
  about: 'Show what was installed for a job, as a requirements file with exact versions',
  details: `
What the Python environment of its last attempt had in it. A job without a requirements file has none:
it runs with what the machine or the image has.`,
  args: { job: arg.optional('name or id of the job (default: the last one of this folder)', 'job') },
  examples: [
    { line: 'job packages train-7 > requirements.txt', about: 'the same versions for the next job' },
    { line: 'job packages train-7 --json', about: 'for a script' },
  ],
  async run(context, args) {
    const { out } = context
    const client = await context.client()
    const job = await findJob(context, args.job)
    const { items } = await client.job.packages({ job })
    if (out.json) return out.value(items)
    if (items.length === 0) out.note(`Nothing was installed for job ${args.job ?? job}: it has no requirements file.`)
    for (const one of items) await out.line(lineOf(one))
    return undefined
  },
})

/** Python itself is nothing that pip installs. */
const lineOf = ({ name, version }: InstalledPackage): string =>
  name === 'python' ? `# Python ${version}` : `${name}==${version}`
