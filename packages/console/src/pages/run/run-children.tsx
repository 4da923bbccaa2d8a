import type { Run } from '@nabla/api/run'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useList } from '../../api/list.ts'
import { EmptyState } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { toTableColumns, usualColumns, wordColumns } from './run-columns.tsx'
import { childrenFilter, namesOf } from './run-fields.ts'
import { RunTable } from './run-table.tsx'

/** Runs that began as parts of this one, as a table. */
export function RunChildren({ run }: { run: string }): ReactNode {
  const [order, setOrder] = useUrlState('order')
  const asked = { filter: childrenFilter(run), ...(order !== '' && { order }) }
  const list = useList<Run>({
    noun: 'run',
    input: asked,
    fetch: (page, options) => client.run.list({ ...page, ...asked }, options),
  })
  const chosen = usualColumns({ metrics: namesOf(list.rows, 'metrics'), params: namesOf(list.rows, 'params') })
  return (
    <RunTable
      list={list}
      columns={toTableColumns(chosen, wordColumns(chosen, list.rows))}
      order={order}
      onOrder={setOrder}
      empty={<EmptyState title="No run belongs to this one." />}
    />
  )
}
