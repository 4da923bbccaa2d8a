import { parseDatasetReference } from '@nabla/api/dataset-reference'
import { defineCommand } from '../command.ts'
import { arg } from '../flags.ts'
import { limits } from '../limits.ts'
import { printFileChanges } from '../files/file-changes.ts'

export const compare = defineCommand({
  name: 'compare',
  about: 'Show which files are different between two versions',
  details: '\nThey may be versions of different datasets. No file is read, however large.',
  args: {
    from: arg.required('the older one: name:version', 'dataset'),
    to: arg.required('the newer one: name, for the latest version, or name:version', 'dataset'),
  },
  examples: [
    { line: 'dataset compare faces:1 faces', about: 'what was added, removed or changed since the first' },
    { line: 'dataset compare faces:prod faces:3 --json', about: 'for a script' },
  ],
  async run(context, args) {
    const client = await context.client()
    const [from, to] = [parseDatasetReference(args.from), parseDatasetReference(args.to)]
    const asked = { from: from.version, fromDataset: from.dataset, limit: limits.comparedFiles }
    const found = await client.dataset.compare({ ...to, ...asked })
    await printFileChanges(context, found, 'They hold the same files.')
  },
})
