import { TextInput } from '@mantine/core'
import { contract } from '@nabla/api'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { useSchemaForm } from '../../parts/form.ts'
import { quote } from '../../parts/quote.ts'

interface Shows {
  jobs: string
  experiments: string
}

/** Starts a TensorBoard over jobs and experiments. */
export function TensorboardForm({ initial, onClose }: { initial: Shows; onClose: () => void }): ReactNode {
  const [shows, setShows] = useState(initial)
  const [jobs, experiments] = [wordsOf(shows.jobs), wordsOf(shows.experiments)]
  const form = useSchemaForm(contract.tensorboard.create.body.pick({ name: true }), {})
  const { name } = form.values
  const make = useAction({
    run: (body: NonNullable<typeof form.output>) =>
      client.tensorboard.create({ body: { ...(body.name !== undefined && { name: body.name }), jobs, experiments } }),
    done: (made) => `TensorBoard ${made.name} is being started. Open it when it runs.`,
    changes: ['tensorboard'],
    quiet: true,
  })
  const submit = async () => {
    form.showAll()
    if (form.output && (await make.run(form.output))) onClose()
  }
  const flags = [
    ...jobs.map((job) => `--job ${quote(job)}`),
    ...experiments.map((experiment) => `--experiment ${quote(experiment)}`),
    ...(name ? [`--name ${quote(name)}`] : []),
  ]
  const field = (key: keyof Shows) => ({
    value: shows[key],
    onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) =>
      setShows((now) => ({ ...now, [key]: value })),
    autoComplete: 'off',
    spellCheck: false,
    dir: 'auto' as const,
  })
  return (
    <FormDialog
      title="New TensorBoard"
      submit="Start"
      onSubmit={submit}
      onClose={onClose}
      pending={make.pending}
      error={make.error}
      command={`tensorboard create ${flags.join(' ') || '--job JOB'}`}
    >
      <TextInput
        label="Jobs"
        description="Names or ids, with commas between. It shows the event files among their artifacts."
        {...field('jobs')}
        data-autofocus
      />
      <TextInput label="Experiments" description="All jobs of each, also later ones." {...field('experiments')} />
      <TextInput label="Name" description="Made up if left out." {...form.text('name')} autoComplete="off" dir="auto" />
    </FormDialog>
  )
}

const wordsOf = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean)
