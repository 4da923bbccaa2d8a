import { parseDatasetReference } from '@nabla/api/dataset'
import type { FileChange } from '@nabla/api/file'
import { defineCommand } from '../command.ts'
import { arg } from '../flags.ts'
import { printList } from '../from-contract.ts'
import { formatBytes } from '../terminal/format.ts'

/** As many as the server tells at once. */
const mostChanges = 10_000

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
    const asked = { from: from.version, fromDataset: from.dataset, limit: mostChanges }
    const found = await client.dataset.compare({ ...to, ...asked })
    if (context.out.json) return context.out.value(found)
    await printList<FileChange>(context, found.items, {
      empty: 'They hold the same files.',
      columns: [
        { title: 'CHANGE', rank: 0, value: ({ change }) => change },
        { title: 'PATH', rank: 0, shrinkTo: 16, value: ({ path }) => path },
        { title: 'BEFORE', rank: 2, align: 'right', value: (row) => sizeOf(row.sizeBytesBefore) },
        { title: 'AFTER', rank: 1, align: 'right', value: (row) => sizeOf(row.sizeBytes) },
      ],
    })
    if (!found.complete) context.out.note('There are more than these.')
  },
})

const sizeOf = (bytes: number | null): string => (bytes === null ? '–' : formatBytes(bytes))
