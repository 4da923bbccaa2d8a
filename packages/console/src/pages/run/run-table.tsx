import type { Run } from '@nabla/api/run'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useMemo, useState } from 'react'
import { client } from '../../api/client.ts'
import type { LiveList } from '../../api/list.ts'
import { useAction } from '../../parts/action.ts'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { plural } from '../../parts/format.ts'
import { bulkRunActions, runActions } from './run-actions.ts'

/** Runs as rows, with the columns that were chosen; selected ones are compared or deleted. */
export function RunTable(props: {
  list: LiveList<Run>
  columns: readonly Column<Run>[]
  order: string
  onOrder: (order: string) => void
  empty: ReactNode
}): ReactNode {
  const { list, columns, order, onOrder, empty } = props
  const navigate = useNavigate()
  const [leaving, setLeaving] = useState<readonly Run[]>()
  const given = { go: (to: string) => void navigate({ to: to as never }), remove: setLeaving }
  const sort = useMemo(() => readOrder(order), [order])
  return (
    <>
      <DataTable
        id="run"
        label="Runs"
        wide
        dense
        list={list}
        columns={columns}
        rowKey={({ id }) => id}
        rowLabel={({ name }) => name}
        href={({ id }) => `/runs/${id}`}
        actions={(run) => runActions(run, given)}
        bulkActions={(runs) => bulkRunActions(runs, given)}
        sort={{
          ...sort,
          onChange: (by) => onOrder(nextOrder(sort, by)),
        }}
        empty={empty}
      />
      {leaving && <DeleteRuns runs={leaving} onClose={() => setLeaving(undefined)} />}
    </>
  )
}

/** `metrics.loss desc` taken apart. */
function readOrder(order: string): { by: string; descending: boolean } {
  const [first = ''] = order.split(',')
  const match = /^(.*?)(?:\s+(asc|desc))?$/i.exec(first.trim())
  return { by: match?.[1] ?? '', descending: match?.[2]?.toLowerCase() === 'desc' }
}

/** A first press sorts upwards, a second downwards, a third lets go. */
function nextOrder(now: { by: string; descending: boolean }, by: string): string {
  if (now.by !== by) return `${by} asc`
  return now.descending ? '' : `${by} desc`
}

/** Asks before runs go; their jobs stay. */
export function DeleteRuns(props: { runs: readonly Run[]; onClose: () => void; onDeleted?: () => void }): ReactNode {
  const { runs, onClose, onDeleted } = props
  const [first] = runs
  const action = useAction<void, true>({
    async run() {
      for (const { id } of runs) await client.run.delete({ run: id })
      return true
    },
    done: () => `Deleted ${runs.length === 1 ? first!.name : plural(runs.length, 'run')}`,
    changes: ['run'],
    quiet: true,
  })
  const isOne = runs.length === 1
  return (
    <ConfirmDelete
      what={isOne ? `run ${first!.name}` : plural(runs.length, 'run')}
      name={isOne ? first!.name : String(runs.length)}
      takes={
        isOne
          ? []
          : runs
              .slice(0, 5)
              .map(({ name }) => name)
              .concat(runs.length > 5 ? [`${runs.length - 5} more`] : [])
      }
      {...(isOne && { command: `runs delete ${first!.id}` })}
      note="Its metrics, parameters and note go with it, for good. Its job stays."
      action={{
        ...action,
        async run() {
          const done = await action.run()
          if (done) onDeleted?.()
          return done
        },
      }}
      onClose={onClose}
    />
  )
}
