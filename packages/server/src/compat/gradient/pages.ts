import { limits } from '../../lib/limits.ts'

/** One page of a list of the contract. */
interface Page<Item> {
  items: Item[]
  next: string | null
}

/** All items of a list: many lists of the old clients know no pages. Up to `limits.gradientListed`. */
export async function allPages<Item>(
  read: (page: { limit: number; after?: string }) => Promise<Page<Item>>,
  limit = 200,
): Promise<Item[]> {
  const items: Item[] = []
  let after: string | undefined
  do {
    const page = await read({ limit, ...(after === undefined ? {} : { after }) })
    items.push(...page.items)
    after = page.next ?? undefined
  } while (after !== undefined && items.length < limits.gradientListed)
  return items
}
