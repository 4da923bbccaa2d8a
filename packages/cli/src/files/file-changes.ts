import type { FileChange } from '@nabla/api/file'
import type { Context } from '../context.ts'
import { printList } from '../print-list.ts'
import { formatBytes } from '../terminal/format.ts'

/** Prints what is different between two versions. `empty`: said when nothing is. */
export async function printFileChanges(
  context: Context,
  found: { items: readonly FileChange[]; complete: boolean },
  empty: string,
): Promise<void> {
  if (context.out.json) return context.out.value(found)
  await printList(context, found.items, {
    empty,
    columns: [
      { title: 'CHANGE', rank: 0, value: ({ change }) => change },
      { title: 'PATH', rank: 0, shrinkTo: 16, value: ({ path }) => path },
      { title: 'BEFORE', rank: 2, align: 'right', value: (row) => sizeOf(row.sizeBytesBefore) },
      { title: 'AFTER', rank: 1, align: 'right', value: (row) => sizeOf(row.sizeBytes) },
    ],
  })
  if (!found.complete) context.out.note('There are more than these.')
}

const sizeOf = (bytes: number | null): string => (bytes === null ? '–' : formatBytes(bytes))
