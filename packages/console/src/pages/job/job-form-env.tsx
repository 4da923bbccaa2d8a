import { ActionIcon, Autocomplete, Button, TagsInput, TextInput } from '@mantine/core'
import { variableName } from '@nabla/api/fields'
import type { JobSpec } from '@nabla/api/job'
import { type ReactNode, useState } from 'react'
import { useApi } from '../../api/query.ts'
import { Icon } from '../../parts/icon.tsx'
import { issueText } from '../../parts/issue-text.ts'
import { Panel } from '../../parts/page-header.tsx'

interface Row {
  id: number
  name: string
  value: string
}

let counter = 0
const newRow = (name = '', value = ''): Row => ({ id: ++counter, name, value })

/** Variables and datasets. The rows are kept here, for a name may be half typed; draw it anew to fill it anew. */
export function EnvironmentPanel(props: {
  env: Record<string, string>
  onChange: (env: Record<string, string>) => void
  datasets?: JobSpec['datasets'] | undefined
  /** Left out: what is made reads no datasets. */
  onDatasets?: (datasets: JobSpec['datasets']) => void
  error: string | undefined
}): ReactNode {
  const [rows, setRows] = useState<Row[]>(() => Object.entries(props.env).map(([name, value]) => newRow(name, value)))
  const change = (next: Row[]) => {
    setRows(next)
    const named = next.filter(({ name, value }) => name !== '' || value !== '')
    props.onChange(Object.fromEntries(named.map(({ name, value }) => [name, value])))
  }
  const names = rows.map(({ name }) => name)
  return (
    <Panel
      title="Environment"
      actions={
        <Button
          size="compact-xs"
          leftSection={<Icon name="plus" size={14} />}
          onClick={() => change([...rows, newRow()])}
        >
          Variable
        </Button>
      }
    >
      <div className="stack">
        {rows.length === 0 && (
          <p className="muted">
            No variables of its own. A value <code>secret:NAME</code> is replaced by that secret.
          </p>
        )}
        {rows.map((row, place) => (
          <VariableRow
            key={row.id}
            row={row}
            isTwice={row.name !== '' && names.indexOf(row.name) !== place}
            onChange={(changed) => change(rows.map((one) => (one === row ? changed : one)))}
            onPaste={(pasted) => change([...rows.filter((one) => one !== row || one.name !== ''), ...pasted])}
            onRemove={() => change(rows.filter((one) => one !== row))}
          />
        ))}
        {props.error !== undefined && rows.every(({ name }) => variableName.safeParse(name).success) && (
          <p className="error-text">{props.error}</p>
        )}
        {props.onDatasets && <Datasets datasets={props.datasets ?? []} onChange={props.onDatasets} />}
      </div>
    </Panel>
  )
}

function VariableRow(props: {
  row: Row
  isTwice: boolean
  onChange: (row: Row) => void
  onPaste: (rows: Row[]) => void
  onRemove: () => void
}): ReactNode {
  const { row, isTwice, onChange, onPaste, onRemove } = props
  const { data } = useApi('secret', 'list', { limit: 200 })
  const secrets = data?.items.map(({ name }) => `secret:${name}`) ?? []
  const isUnknown = row.value.startsWith('secret:') && data !== undefined && !secrets.includes(row.value)
  const named = variableName.safeParse(row.name)
  const error = isTwice
    ? 'It is there twice; this one counts.'
    : row.name !== '' || row.value !== ''
      ? named.error?.issues.map(issueText)[0]
      : undefined
  return (
    <div className="variable-row">
      <TextInput
        aria-label="Name of the variable"
        placeholder="NAME"
        className="mono-field"
        value={row.name}
        error={error}
        onChange={(event) => onChange({ ...row, name: event.currentTarget.value })}
        onPaste={(event) => {
          const pasted = readDotEnv(event.clipboardData.getData('text'))
          if (pasted.length === 0) return
          event.preventDefault()
          onPaste(pasted)
        }}
        autoComplete="off"
        spellCheck={false}
      />
      <Autocomplete
        aria-label={`Value of ${row.name || 'the variable'}`}
        placeholder="value, or secret:NAME"
        className="mono-field"
        value={row.value}
        error={isUnknown ? 'There is no such secret of the team.' : undefined}
        data={row.value !== '' && 'secret:'.startsWith(row.value.slice(0, 7)) ? secrets : []}
        onChange={(value) => onChange({ ...row, value })}
        autoComplete="off"
        spellCheck={false}
      />
      <ActionIcon aria-label={`Remove ${row.name || 'the variable'}`} onClick={onRemove}>
        <Icon name="close" size={14} />
      </ActionIcon>
    </div>
  )
}

/** Lines `NAME=value` of a text, as in a .env file; none if it is not like that. */
function readDotEnv(text: string): Row[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const match = /^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*)$/.exec(line)
    if (!match) return []
    const value = match[2]!.trim()
    return [newRow(match[1], /^(["']).*\1$/.test(value) ? value.slice(1, -1) : value)]
  })
}

function Datasets(props: {
  datasets: JobSpec['datasets']
  onChange: (datasets: JobSpec['datasets']) => void
}): ReactNode {
  const { datasets, onChange } = props
  const { data } = useApi('dataset', 'list', { limit: 200 })
  const write = ({ dataset, mount }: JobSpec['datasets'][number]) =>
    mount === undefined ? dataset : `${dataset}=${mount}`
  const read = (text: string) => {
    const [dataset = '', mount] = text.split('=', 2)
    return { dataset, ...(mount !== undefined && { mount }) }
  }
  return (
    <TagsInput
      label="Datasets"
      description="NAME, NAME:VERSION or NAME:TAG; the job reads it in /data/NAME."
      value={datasets.map(write)}
      onChange={(texts) => onChange(texts.map(read))}
      data={data?.items.map(({ name }) => name) ?? []}
      acceptValueOnBlur
    />
  )
}
