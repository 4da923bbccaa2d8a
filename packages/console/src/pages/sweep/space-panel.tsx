import { Button, Checkbox, MultiSelect, Select, TextInput } from '@mantine/core'
import type { ReactNode } from 'react'
import { Icon } from '../../parts/icon.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { emptyRow, type RowType, rowTypes, type SpaceRow, valuesOf } from './space-rows.ts'
import type { SearchIssues } from './use-sweep-form.ts'
import '@mantine/core/styles/Checkbox.css'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'

/** What the search may choose from: a row for each parameter. */
export function SpacePanel(props: {
  rows: readonly SpaceRow[]
  onRows: (rows: readonly SpaceRow[]) => void
  issues: SearchIssues
}): ReactNode {
  const { rows, onRows, issues } = props
  const change = (key: number, given: Partial<SpaceRow>) =>
    onRows(rows.map((row) => (row.key === key ? { ...row, ...given } : row)))
  return (
    <Panel
      title="Search space"
      actions={
        <Button
          size="compact-xs"
          leftSection={<Icon name="plus" size={12} />}
          onClick={() => onRows([...rows, emptyRow()])}
        >
          Parameter
        </Button>
      }
    >
      <div className="stack">
        {rows.map((row, at) => (
          <Row
            key={row.key}
            row={row}
            place={at + 1}
            choices={rows.filter((other) => other.type === 'choice' && other.name !== '' && other.key !== row.key)}
            problem={issues.rows.get(row.key)}
            onChange={(given) => change(row.key, given)}
            onRemove={() => onRows(rows.filter(({ key }) => key !== row.key))}
          />
        ))}
        {issues.space !== undefined && (
          <p className="error-text" tabIndex={-1}>
            {issues.space}
          </p>
        )}
      </div>
    </Panel>
  )
}

interface RowProps {
  row: SpaceRow
  place: number
  choices: readonly SpaceRow[]
  problem: string | undefined
  onChange: (given: Partial<SpaceRow>) => void
  onRemove: () => void
}

function Row({ row, place, choices, problem, onChange, onRemove }: RowProps): ReactNode {
  const label = row.name === '' ? `Parameter ${place}` : `Parameter ${row.name}`
  return (
    <div className="sweep-row" role="group" aria-label={label}>
      <div className="sweep-row-fields">
        <TextInput
          label="Name"
          placeholder="rate"
          value={row.name}
          onChange={({ currentTarget: { value } }) => onChange({ name: value.trim() })}
          className="mono-field"
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
        />
        <Select
          label="Type"
          data={Object.entries(rowTypes).map(([value, text]) => ({ value, label: text }))}
          value={row.type}
          allowDeselect={false}
          onChange={(type) => type !== null && onChange({ type: type as RowType })}
        />
        <Ends row={row} onChange={onChange} />
        <button type="button" className="icon-button sweep-remove" aria-label={`Remove ${label}`} onClick={onRemove}>
          <Icon name="close" size={14} />
        </button>
      </div>
      <div className="sweep-row-more">
        {row.type !== 'choice' && (
          <Checkbox
            label="Log scale"
            checked={row.log}
            onChange={({ currentTarget: { checked } }) => onChange({ log: checked })}
          />
        )}
        {(choices.length > 0 || row.when !== '') && <Condition row={row} choices={choices} onChange={onChange} />}
      </div>
      {problem !== undefined && (
        <p className="error-text" role="alert">
          {problem}
        </p>
      )}
    </div>
  )
}

function Ends({ row, onChange }: Pick<RowProps, 'row' | 'onChange'>): ReactNode {
  const field = (
    name: 'low' | 'high' | 'step' | 'mean' | 'deviation' | 'values',
    label: string,
    placeholder: string,
  ) => (
    <TextInput
      key={name}
      label={label}
      placeholder={placeholder}
      value={row[name]}
      onChange={({ currentTarget: { value } }) => onChange({ [name]: value })}
      className={name === 'values' ? 'mono-field sweep-values' : 'mono-field'}
      inputMode={name === 'values' ? 'text' : 'decimal'}
      autoComplete="off"
      spellCheck={false}
    />
  )
  if (row.type === 'choice') return field('values', 'Values, with commas between', 'sgd, adam')
  const step = field('step', 'Step', row.type === 'int' ? '1' : 'any')
  if (row.type === 'normal') return [field('mean', 'Mean', '0'), field('deviation', 'Deviation', '1'), step]
  const ends = row.type === 'int' ? ['1', '8'] : ['0.0001', '1']
  return [field('low', 'From', ends[0]!), field('high', 'To', ends[1]!), step]
}

function Condition({ row, choices, onChange }: Pick<RowProps, 'row' | 'choices' | 'onChange'>): ReactNode {
  const parent = choices.find(({ name }) => name === row.when)
  const values = parent ? [...new Set(valuesOf(parent.values).map(String))] : []
  return (
    <div className="row sweep-when">
      <Select
        aria-label="Only when"
        placeholder="Always chosen"
        data={[...new Set(choices.map(({ name }) => name))].map((name) => ({
          value: name,
          label: `Only when ${name} is`,
        }))}
        value={row.when === '' ? null : row.when}
        onChange={(name) => onChange({ when: name ?? '', whenIs: [] })}
        clearable
      />
      {parent && (
        <MultiSelect
          aria-label={`Values of ${row.when}`}
          placeholder={row.whenIs.length === 0 ? 'choose' : ''}
          data={values}
          value={row.whenIs.filter((value) => values.includes(value))}
          onChange={(whenIs) => onChange({ whenIs })}
        />
      )}
    </div>
  )
}
