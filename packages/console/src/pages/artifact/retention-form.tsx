import { NumberInput, Select } from '@mantine/core'
import type { RetentionRule } from '@nabla/api/artifact'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useAction } from '../../parts/action.ts'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { formatBytes, plural } from '../../parts/format.ts'
import { quote } from '../../parts/quote.ts'
import '@mantine/core/styles/NumberInput.css'

/** Sets a rule, and says before what it would delete. */
export function RetentionForm(props: { rule?: RetentionRule; isAdmin: boolean; onClose: () => void }): ReactNode {
  const { rule, isAdmin, onClose } = props
  const projects = useApi('project', 'list', { limit: 200 }, { enabled: !rule })
  const [project, setProject] = useState(rule?.project?.name ?? '')
  const [keepLast, setKeepLast] = useState<number | null>(rule ? rule.keepLast : 20)
  const [keepDays, setKeepDays] = useState<number | null>(rule?.keepDays ?? null)
  const scope = project === '' ? {} : { project }
  const isEmpty = keepLast === null && keepDays === null
  const needsProject = project === '' && !isAdmin
  const save = useAction({
    run: () => client.artifact.setRetention({ ...scope, body: { keepLast, keepDays } }),
    done: () => 'The rule holds now',
    changes: ['artifact'],
    quiet: true,
  })
  const submit = async () => {
    if (!isEmpty && !needsProject && (await save.run(undefined))) onClose()
  }
  const team = isAdmin ? [{ value: '', label: 'The whole team' }] : []
  const flags = [
    ...(project === '' ? [] : [`--project ${quote(project)}`]),
    ...(keepLast === null ? [] : [`--keep-last ${keepLast}`]),
    ...(keepDays === null ? [] : [`--keep-days ${keepDays}`]),
  ]
  return (
    <FormDialog
      title={rule ? 'Change the rule' : 'New rule for artifacts'}
      submit="Set rule"
      onSubmit={submit}
      onClose={onClose}
      pending={save.pending}
      error={save.error}
      command={['artifact retention set', ...flags].join(' ')}
    >
      {!rule && (
        <Select
          label="For"
          data={[
            ...team,
            ...(projects.data?.items ?? []).map(({ name }) => ({ value: name, label: `Project ${name}` })),
          ]}
          value={project}
          onChange={(next) => setProject(next ?? '')}
          placeholder="Choose a project"
          allowDeselect={false}
          searchable
        />
      )}
      <Bound
        label="Keep the last jobs"
        description="The latest ones of each project that left something."
        value={keepLast}
        onChange={setKeepLast}
        max={100_000}
      />
      <Bound
        label="Keep for days"
        description="Counted from the end of a job. Either bound keeps; what neither keeps is deleted."
        value={keepDays}
        onChange={setKeepDays}
        max={36_500}
      />
      {isEmpty ? (
        <p className="muted">Give at least one of the two.</p>
      ) : (
        <Preview {...{ project, keepLast, keepDays }} />
      )}
    </FormDialog>
  )
}

function Bound(props: {
  label: string
  description: string
  value: number | null
  max: number
  onChange: (value: number | null) => void
}): ReactNode {
  const { value, onChange, ...rest } = props
  return (
    <NumberInput
      {...rest}
      min={1}
      allowDecimal={false}
      thousandSeparator=","
      clampBehavior="strict"
      value={value ?? ''}
      onChange={(next) => onChange(next === '' ? null : Number(next))}
    />
  )
}

/** What would go at once. */
function Preview(given: { project: string; keepLast: number | null; keepDays: number | null }): ReactNode {
  const { project, keepLast, keepDays } = given
  const would = useApi('artifact', 'previewRetention', {
    ...(project !== '' && { project }),
    body: { keepLast, keepDays },
  })
  if (would.error) return <p className="muted">{would.error.message}</p>
  if (!would.data) return <p className="muted">Looking up what would go…</p>
  const { items, complete } = would.data
  const bytes = items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return (
    <p aria-live="polite">
      {items.length === 0 ? (
        'Nothing would go now.'
      ) : (
        <>
          At once <strong>{`${formatBytes(bytes)} of ${plural(items.length, 'job')}`}</strong> would go
          {complete ? '' : ', and more'}.
        </>
      )}
    </p>
  )
}
