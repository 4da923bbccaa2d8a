import { Checkbox, Popover, UnstyledButton } from '@mantine/core'
import { type ReactNode, useRef, useState } from 'react'
import type { Column } from './data-table.tsx'
import { Icon } from './icon.tsx'
import { readKept, writeKept } from './kept.ts'

interface ChosenColumns<Row> {
  shown: readonly Column<Row>[]
  choose: (id: string, on: boolean) => void
}

/** Which columns of a table are shown: what somebody chose in this browser, else those that are not hidden. */
export function useColumns<Row>(table: string, columns: readonly Column<Row>[]): ChosenColumns<Row> {
  const [choice, setChoice] = useState<Record<string, boolean>>(() => readKept(`columns.${table}`, {}))
  const shown = columns.filter(({ id, hidden }, place) => place === 0 || (choice[id] ?? !hidden))
  // The same list as long as nothing in it changes: rows are drawn anew with another.
  const kept = useRef(shown)
  if (shown.length !== kept.current.length || shown.some((column, place) => column !== kept.current[place])) {
    kept.current = shown
  }
  return {
    shown: kept.current,
    choose(id, on) {
      const next = { ...choice, [id]: on }
      setChoice(next)
      writeKept(`columns.${table}`, next)
    },
  }
}

/** The button that lists the columns, to be shown or not. */
export function ColumnChooser<Row>(props: ChosenColumns<Row> & { columns: readonly Column<Row>[] }): ReactNode {
  const { columns, shown, choose } = props
  return (
    <Popover position="bottom-end" trapFocus shadow="none">
      <Popover.Target>
        <UnstyledButton className="icon-button only-wide" aria-label="Choose columns" title="Choose columns">
          <Icon name="columns" />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown className="stack">
        {columns.slice(1).map(({ id, title }) => (
          <Checkbox
            key={id}
            label={title}
            checked={shown.some((column) => column.id === id)}
            onChange={(event) => choose(id, event.currentTarget.checked)}
          />
        ))}
      </Popover.Dropdown>
    </Popover>
  )
}
