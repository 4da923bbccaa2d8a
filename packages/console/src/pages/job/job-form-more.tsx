import { Checkbox, SegmentedControl, TagsInput, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import type { SchemaForm } from '../../parts/form.ts'
import { type jobFields, readDuration, writeDuration } from './job-form-body.ts'
import { ImageFields } from './job-form-image.tsx'
import { ModelFields } from './job-form-model.tsx'

type Form = SchemaForm<typeof jobFields>

/** What seldom has to be said, folded; open when something in it is not as usual. */
export function MoreFields({ form, isOpen }: { form: Form; isOpen: boolean }): ReactNode {
  const [open, setOpen] = useState(isOpen)
  const wrong = advanced.some((name) => form.errors[name] !== undefined)
  return (
    <details className="panel job-more" open={open || wrong} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <h2>More</h2>
        <span className="faint ellipsis">limits, retries, priority, image, folders, ports, models</span>
      </summary>
      <div className="panel-body job-fields">
        <TimeLimit form={form} />
        <Whole form={form} name="priority" label="Priority" description="0 to 100; higher starts first." usual={50} />
        <Whole form={form} name="retries" label="Retries" description="Starts again after a failure." usual={0} />
        <RetryOn form={form} />
        <ImageFields form={form} />
        <Requirements form={form} />
        <TextInput
          label="Working folder"
          description="Where the files are and the command starts."
          placeholder="/paperspace"
          {...form.text('workingDir')}
          spellCheck={false}
        />
        <TextInput
          label="Artifacts folder"
          description="What is in it is kept after the job."
          placeholder="/artifacts"
          {...form.text('artifactsDir')}
          spellCheck={false}
        />
        <TagsInput
          className="job-wide"
          label="Ports"
          description="That the command listens on: 1024 to 65535."
          placeholder={form.values.ports?.length ? '' : 'none'}
          value={(form.values.ports ?? []).map(String)}
          onChange={(ports) => form.set('ports', ports.map(Number))}
          error={form.errors['ports']}
          acceptValueOnBlur
        />
        <ModelFields form={form} />
      </div>
    </details>
  )
}

/** The fields that stand under `More`. */
export const advanced = [
  'timeLimitSeconds',
  'priority',
  'retries',
  'retryOn',
  'image',
  'registry',
  'pull',
  'user',
  'entrypoint',
  'shmBytes',
  'build',
  'requirements',
  'workingDir',
  'artifactsDir',
  'ports',
  'models',
  'model',
] as const

function TimeLimit({ form }: { form: Form }): ReactNode {
  const { timeLimitSeconds } = form.values
  const [text, setText] = useState(timeLimitSeconds == null ? '' : writeDuration(timeLimitSeconds))
  const isWrong = text.trim() !== '' && readDuration(text) === undefined
  return (
    <TextInput
      label="Time limit"
      description="It is stopped after this time."
      placeholder="none"
      value={text}
      error={isWrong ? 'Write it like 90s, 10m, 2h or 1h30m.' : form.errors['timeLimitSeconds']}
      onChange={({ currentTarget: { value } }) => {
        setText(value)
        form.set('timeLimitSeconds', value.trim() === '' ? null : (readDuration(value) ?? Number.NaN))
      }}
      autoComplete="off"
    />
  )
}

function Whole(props: {
  form: Form
  name: 'priority' | 'retries'
  label: string
  description: string
  usual: number
}): ReactNode {
  const { form, name, label, description, usual } = props
  const value = form.values[name]
  return (
    <TextInput
      label={label}
      description={description}
      inputMode="numeric"
      placeholder={String(usual)}
      value={value === undefined ? '' : Number.isNaN(value) ? '–' : String(value)}
      error={form.errors[name]}
      onChange={({ currentTarget }) => {
        const digits = currentTarget.value.replaceAll(/\D/g, '')
        form.set(name, digits === '' ? undefined : Number(digits))
      }}
      autoComplete="off"
    />
  )
}

function RetryOn({ form }: { form: Form }): ReactNode {
  return (
    <div>
      <div className="mantine-InputWrapper-label" id="retry-on">
        Retry after
      </div>
      <div className="mantine-InputWrapper-description muted">Which failures start it again.</div>
      <SegmentedControl
        aria-labelledby="retry-on"
        value={form.values.retryOn ?? 'any'}
        onChange={(value) => form.set('retryOn', value === 'any' ? undefined : value)}
        data={[
          { value: 'any', label: 'Any failure' },
          { value: 'machine', label: "The machine's only" },
        ]}
      />
    </div>
  )
}

function Requirements({ form }: { form: Form }): ReactNode {
  const isNone = form.values.requirements === null
  return (
    <div>
      <TextInput
        label="Python requirements"
        description="Installed if the file is there."
        placeholder="requirements.txt"
        {...form.text('requirements')}
        disabled={isNone}
        spellCheck={false}
      />
      <Checkbox
        label="Install none"
        mt={6}
        checked={isNone}
        onChange={(event) => form.set('requirements', event.currentTarget.checked ? null : undefined)}
      />
    </div>
  )
}
