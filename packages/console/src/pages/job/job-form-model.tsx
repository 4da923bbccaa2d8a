import { TagsInput, TextInput } from '@mantine/core'
import type { ReactNode } from 'react'
import type { SchemaForm } from '../../parts/form.ts'
import type { JobFields, jobFields } from './job-form-body.ts'
import { readModelMount, writeModelMount } from './job-line-model.ts'

type Form = SchemaForm<typeof jobFields>
type Left = NonNullable<JobFields['model']>

/** The models that a job reads, and the one that it leaves when it succeeds. */
export function ModelFields({ form }: { form: Form }): ReactNode {
  const { models, model } = form.values
  const set = (changes: Partial<Left>) => {
    const next = { name: '', ...model, ...changes }
    const isEmpty = next.name === '' && !next.path && !next.type
    form.set('model', isEmpty ? null : next)
  }
  const text = (name: keyof Left) => ({
    value: model?.[name] ?? '',
    onChange: (event: { currentTarget: { value: string } }) => set(changeOf(name, event.currentTarget.value)),
    autoComplete: 'off',
    spellCheck: false,
  })
  return (
    <>
      <TagsInput
        className="job-wide"
        label="Models to read"
        description="NAME, NAME:3 or NAME@ALIAS: found, read-only, in /models/NAME, or at a path behind a colon."
        placeholder={models?.length ? '' : 'none'}
        value={(models ?? []).map(writeModelMount)}
        onChange={(next) => form.set('models', next.map(readModelMount))}
        error={form.errors['models']}
        acceptValueOnBlur
      />
      <TextInput
        label="Model to make"
        description="What the job leaves is a new version of it."
        placeholder="none"
        {...text('name')}
        error={form.errors['model']}
      />
      <TextInput
        label="Path of the model"
        description="A file or folder in the artifacts folder."
        placeholder="all of it"
        {...text('path')}
        disabled={model == null}
      />
      <TextInput
        label="Type of the model"
        description="What it is said to be, such as ONNX."
        placeholder="as it is read"
        {...text('type')}
        disabled={model == null}
      />
    </>
  )
}

/** A path as the contract has it: without the folder of artifacts, if it is written as the job sees it. */
function changeOf(name: keyof Left, value: string): Partial<Left> {
  if (name === 'path') return { path: value.replace(/^\/artifacts(?=\/|$)/, '').replace(/^\/+/, '') }
  return name === 'type' ? { type: value === '' ? undefined : value } : { name: value }
}
