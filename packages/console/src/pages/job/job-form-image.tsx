import { Checkbox, Select, TextInput } from '@mantine/core'
import type { JobBuild } from '@nabla/api/job-image'
import { type ReactNode, useState } from 'react'
import type { z } from 'zod'
import type { jobBuild } from '@nabla/api/job-image'
import { useApi } from '../../api/query.ts'
import type { SchemaForm } from '../../parts/form.ts'
import type { jobFields } from './job-form-body.ts'

type Form = SchemaForm<typeof jobFields>
type Build = z.input<typeof jobBuild>

/** What only jobs in an image have. */
export function ImageFields({ form }: { form: Form }): ReactNode {
  const isBuilt = form.values.build != null
  return (
    <>
      <TextInput
        label="Image"
        description={isBuilt ? 'It is built of the files.' : 'host: this machine is the image.'}
        placeholder={isBuilt ? 'built' : 'host'}
        {...form.text('image')}
        disabled={isBuilt}
        autoComplete="off"
        spellCheck={false}
      />
      <RegistryField form={form} />
      <Select
        label="Pull"
        description="When the image is fetched."
        data={[
          { value: '', label: 'As the server is set' },
          { value: 'missing', label: 'If it is not here' },
          { value: 'always', label: 'Always' },
          { value: 'never', label: 'Never' },
        ]}
        value={form.values.pull ?? ''}
        onChange={(value) =>
          form.set('pull', value === 'missing' || value === 'always' || value === 'never' ? value : undefined)
        }
        allowDeselect={false}
      />
      <TextInput
        label="User"
        description="In the image, with a group after a colon."
        placeholder="root"
        {...form.text('user')}
        autoComplete="off"
        spellCheck={false}
      />
      <Entrypoint form={form} />
      <SharedMemory form={form} />
      <BuildFields form={form} />
    </>
  )
}

function RegistryField({ form }: { form: Form }): ReactNode {
  const { data } = useApi('registry', 'list', { limit: 200 })
  return (
    <Select
      label="Registry"
      description="Whose login is used."
      data={[
        { value: '', label: 'The one for the host' },
        ...(data?.items ?? []).map(({ name, host }) => ({ value: name, label: `${name} (${host})` })),
      ]}
      value={form.values.registry ?? ''}
      onChange={(value) => form.set('registry', value || undefined)}
      error={form.errors['registry']}
      allowDeselect={false}
    />
  )
}

function Entrypoint({ form }: { form: Form }): ReactNode {
  const { entrypoint } = form.values
  const [text, setText] = useState(Array.isArray(entrypoint) ? entrypoint.join(' ') : (entrypoint ?? ''))
  return (
    <TextInput
      label="Entrypoint"
      description="What the command is given to. image: that of the image."
      placeholder="none"
      value={text}
      error={form.errors['entrypoint']}
      onChange={({ currentTarget: { value } }) => {
        setText(value)
        const words = value.split(/\s+/).filter(Boolean)
        form.set('entrypoint', words.length === 0 ? undefined : value.trim() === 'image' ? 'image' : words)
      }}
      autoComplete="off"
      spellCheck={false}
    />
  )
}

const MiB = 2 ** 20

function SharedMemory({ form }: { form: Form }): ReactNode {
  const { shmBytes } = form.values
  return (
    <TextInput
      label="Shared memory"
      description="Size of /dev/shm, in MiB."
      placeholder="half of the memory"
      inputMode="numeric"
      value={shmBytes == null ? '' : String(Math.floor(shmBytes / MiB))}
      error={form.errors['shmBytes']}
      onChange={({ currentTarget }) => {
        const digits = currentTarget.value.replaceAll(/\D/g, '')
        form.set('shmBytes', digits === '' ? undefined : Number(digits) * MiB)
      }}
      autoComplete="off"
    />
  )
}

function BuildFields({ form }: { form: Form }): ReactNode {
  const build: Build | null = form.values.build ?? null
  const set = (changes: Partial<JobBuild>) => form.set('build', { ...build, ...changes })
  return (
    <div className="job-wide stack">
      <Checkbox
        label="Build the image from a Dockerfile of the files"
        checked={build !== null}
        onChange={(event) => {
          if (event.currentTarget.checked) form.set('image', undefined)
          form.set('build', event.currentTarget.checked ? {} : undefined)
        }}
      />
      {build && (
        <div className="job-fields">
          <TextInput
            label="Dockerfile"
            placeholder="Dockerfile"
            value={build.dockerfile ?? ''}
            onChange={({ currentTarget }) => set({ dockerfile: currentTarget.value || 'Dockerfile' })}
            spellCheck={false}
          />
          <TextInput
            label="Stage"
            placeholder="the last one"
            value={build.target ?? ''}
            onChange={({ currentTarget }) => set({ target: currentTarget.value || null })}
            spellCheck={false}
          />
          <TextInput
            label="Push to"
            placeholder="nowhere"
            value={build.push ?? ''}
            onChange={({ currentTarget }) => set({ push: currentTarget.value || null })}
            spellCheck={false}
          />
          <Checkbox
            label="Only build: run nothing"
            checked={build.only ?? false}
            onChange={(event) => set({ only: event.currentTarget.checked })}
          />
        </div>
      )}
      {form.errors['build'] !== undefined && <p className="error-text">{form.errors['build']}</p>}
    </div>
  )
}
