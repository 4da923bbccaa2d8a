import { MultiSelect, Select } from '@mantine/core'
import { type ReactNode, useMemo } from 'react'
import type { FieldId } from './run-fields.ts'
import type { RunNames } from './run-source.ts'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'

/** Fields of runs to choose from: metrics and parameters. */
export function useFieldOptions({
  metrics,
  params,
}: RunNames): { group: string; items: { value: FieldId; label: string }[] }[] {
  return useMemo(
    () => [
      { group: 'Metrics', items: metrics.map((name) => ({ value: `metrics.${name}`, label: name })) },
      { group: 'Parameters', items: params.map((name) => ({ value: `params.${name}`, label: name })) },
    ],
    [metrics, params],
  )
}

type Options = ReturnType<typeof useFieldOptions>

/** Names that a list offers at once; of more, one types. */
const mostOffered = 100

/** Chooses one field. */
export function FieldSelect(props: {
  label: string
  options: Options
  value: FieldId
  onChange: (id: FieldId) => void
}): ReactNode {
  const { label, options, value, onChange } = props
  return (
    <Select
      label={label}
      searchable
      data={options}
      value={value}
      limit={mostOffered}
      allowDeselect={false}
      onChange={(id) => id !== null && onChange(id)}
      className="run-field"
    />
  )
}

/** Chooses several, in order. */
export function FieldsSelect(props: {
  label: string
  options: Options
  value: readonly FieldId[]
  onChange: (ids: FieldId[]) => void
}): ReactNode {
  const { label, options, value, onChange } = props
  return (
    <MultiSelect
      label={label}
      searchable
      data={options}
      value={[...value]}
      limit={mostOffered}
      onChange={onChange}
      className="run-fields"
    />
  )
}
