import type { Context } from './context.ts'
import type { Column } from './terminal/table.ts'

/** How a list is shown. */
export interface Listing<Item> {
  columns: readonly Column<Item>[] | ((context: Context) => readonly Column<Item>[])
  /** Said when there is nothing, with the command that changes it. */
  empty: string
}

/** Prints rows as every list does. */
export async function printList<Item>(
  context: Context,
  items: readonly Item[],
  { columns, empty }: Listing<Item>,
): Promise<void> {
  const { out } = context
  if (out.json) await out.value(items)
  else if (items.length === 0) out.note(empty)
  else await out.table(items, typeof columns === 'function' ? columns(context) : columns)
}
