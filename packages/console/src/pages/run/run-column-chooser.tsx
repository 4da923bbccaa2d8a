import { Button, Checkbox, Popover, TextInput, UnstyledButton } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { Icon } from '../../parts/icon.tsx'
import type { ChosenColumn } from './run-columns.tsx'
import { attributes, type FieldId, readField } from './run-fields.ts'
import '@mantine/core/styles/Popover.css'

/** Names that are offered at once; of more, one finds the others by typing. */
const mostOffered = 60

/** The button that lists all that a run may have, to be shown as a column, or pinned to the left. */
export function RunColumnChooser(props: {
  chosen: readonly ChosenColumn[]
  all:
    | { metrics: readonly string[]; params: readonly string[]; labels: readonly string[]; complete: boolean }
    | undefined
  onChange: (columns: readonly ChosenColumn[]) => void
  onReset: () => void
}): ReactNode {
  const { chosen, all, onChange, onReset } = props
  const [find, setFind] = useState('')
  const offered = offer(all, chosen, find)
  const toggle = (id: FieldId, on: boolean) =>
    onChange(on ? [...chosen, { id, pinned: false }] : chosen.filter((column) => column.id !== id))
  const pin = (id: FieldId) =>
    onChange(chosen.map((column) => (column.id === id ? { ...column, pinned: !column.pinned } : column)))
  return (
    <Popover position="bottom-end" trapFocus shadow="none" width={340}>
      <Popover.Target>
        <Button leftSection={<Icon name="columns" size={14} />} className="only-wide">
          Columns
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <div className="run-chooser">
          <TextInput
            type="search"
            aria-label="Find a column"
            placeholder="Find a metric, parameter or label"
            value={find}
            onChange={(event) => setFind(event.currentTarget.value)}
            data-autofocus
          />
          <ul>
            {offered.shown.map((id) => (
              <Offered
                key={id}
                id={id}
                column={chosen.find((one) => one.id === id)}
                onToggle={(on) => toggle(id, on)}
                onPin={() => pin(id)}
              />
            ))}
          </ul>
          <div className="row">
            <span className="faint grow">
              {offered.more > 0
                ? `${offered.more} more: type to find them`
                : all?.complete === false
                  ? 'Not all names are listed.'
                  : ''}
            </span>
            <Button size="compact-xs" onClick={onReset}>
              As usual
            </Button>
          </div>
        </div>
      </Popover.Dropdown>
    </Popover>
  )
}

function Offered(props: {
  id: FieldId
  column: ChosenColumn | undefined
  onToggle: (on: boolean) => void
  onPin: () => void
}): ReactNode {
  const { id, column, onToggle, onPin } = props
  const { name, kind } = labelOf(id)
  return (
    <li>
      <Checkbox
        label={
          <span className="row">
            <span className="ellipsis" dir="auto" title={name}>
              {name}
            </span>
            <span className="faint">{kind}</span>
          </span>
        }
        checked={column !== undefined}
        onChange={(event) => onToggle(event.currentTarget.checked)}
      />
      {column && (
        <UnstyledButton className="run-toggle" aria-pressed={column.pinned} aria-label={`Pin ${name}`} onClick={onPin}>
          pin
        </UnstyledButton>
      )}
    </li>
  )
}

function offer(
  all: { metrics: readonly string[]; params: readonly string[]; labels: readonly string[] } | undefined,
  chosen: readonly ChosenColumn[],
  find: string,
): { shown: FieldId[]; more: number } {
  const ids = [
    ...chosen.map(({ id }) => id),
    ...Object.keys(attributes),
    ...(all?.metrics ?? []).map((name) => `metrics.${name}`),
    ...(all?.params ?? []).map((name) => `params.${name}`),
    ...(all?.labels ?? []).map((name) => `labels.${name}`),
  ]
  const words = find.toLowerCase().split(/\s+/).filter(Boolean)
  const found = [...new Set(ids)].filter((id) => words.every((word) => id.toLowerCase().includes(word)))
  return { shown: found.slice(0, mostOffered), more: Math.max(0, found.length - mostOffered) }
}

const kinds = { metrics: 'metric', params: 'parameter', labels: 'label', attribute: '' } as const

function labelOf(id: FieldId): { name: string; kind: string } {
  const field = readField(id)
  if (!field) return { name: id, kind: '' }
  const name = field.kind === 'attribute' ? attributes[field.name as keyof typeof attributes].title : field.name
  return { name, kind: kinds[field.kind] }
}
