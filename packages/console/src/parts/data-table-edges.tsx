import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import type { LiveList } from '../api/list.ts'
import type { Action } from './action.ts'
import { plural } from './format.ts'
import { Icon } from './icon.tsx'
import { ErrorNote } from './states.tsx'

/** What can be done with all that is selected; it takes the place above the table. */
export function BulkBar(props: {
  actions: readonly Action[] | undefined
  count: number
  clear: () => void
}): ReactNode {
  const { actions, count, clear } = props
  if (!actions) return null
  return (
    <div className="bulk-bar" role="toolbar" aria-label="With what is selected">
      <span aria-live="polite" className="number">
        {count} selected
      </span>
      {actions.map((action) => (
        <Button
          key={action.label}
          size="compact-xs"
          disabled={action.unavailable !== undefined}
          title={action.unavailable ?? (action.command && `nabla ${action.command}`)}
          {...(action.danger ? { color: 'red', variant: 'light' } : {})}
          leftSection={action.icon && <Icon name={action.icon} size={14} />}
          onClick={() => action.run()}
        >
          {action.label}
        </Button>
      ))}
      <Button size="compact-xs" variant="subtle" color="gray" onClick={clear}>
        Clear
      </Button>
    </div>
  )
}

/** How many there are so far, and what became of the page that is read next. */
export function TableFoot<Row>({ list }: { list: LiveList<Row> }): ReactNode {
  if (list.rows.length === 0) return null
  return (
    <div className="table-foot faint number" aria-live="polite">
      {list.error ? <ErrorNote error={list.error} /> : null}
      {list.isLoadingMore
        ? 'Loading more…'
        : list.hasMore
          ? `${plural(list.rows.length, 'row')}, more below`
          : plural(list.rows.length, 'row')}
      {list.error && (
        <Button size="compact-xs" onClick={list.retry}>
          Try again
        </Button>
      )}
    </div>
  )
}
