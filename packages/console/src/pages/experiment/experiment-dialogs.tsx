import { Button, TagsInput, Textarea, TextInput } from '@mantine/core'
import { experimentLimits } from '@nabla/api/experiment-states'
import type { Experiment } from '@nabla/api/experiment'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useAction } from '../../parts/action.ts'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { CommandLine } from '../../parts/copy.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { plural } from '../../parts/format.ts'
import { ErrorNote, Loaded } from '../../parts/states.tsx'
import type { ActedExperiment, AskedOfExperiment } from './experiment-actions.ts'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'

/** Starts one that was only made, or runs one again; both lead to it. */
export function useExperimentStart(go: (address: string) => void) {
  const start = useAction({
    run: ({ id }: ActedExperiment) => client.experiment.start({ experiment: id }),
    done: ({ name }) => `Started ${name}`,
    changes: ['experiment'],
  })
  const rerun = useAction({
    run: ({ id }: ActedExperiment) => client.experiment.clone({ experiment: id, body: { start: true } }),
    done: ({ name }) => `Started ${name}`,
    changes: ['experiment', 'project'],
  })
  return {
    start: start.run,
    async rerun(experiment: ActedExperiment) {
      const made = await rerun.run(experiment)
      if (made) go(`/experiments/${made.id}`)
    },
  }
}

/** Asks before an experiment is stopped, changed or deleted, and does it. */
export function ExperimentDialog(props: {
  asked: AskedOfExperiment | undefined
  onClose: () => void
  onDeleted?: () => void
}): ReactNode {
  const { asked, onClose, onDeleted } = props
  if (!asked) return null
  const { experiment } = asked
  if (asked.ask === 'stop') return <StopExperiment experiment={experiment} onClose={onClose} />
  if (asked.ask === 'change') return <ChangeExperiment id={experiment.id} onClose={onClose} />
  return <DeleteExperiment experiment={experiment} onClose={onClose} onDeleted={onDeleted} />
}

function StopExperiment({ experiment, onClose }: { experiment: ActedExperiment; onClose: () => void }): ReactNode {
  const { id, name, nodes } = experiment
  const action = useAction({
    run: () => client.experiment.stop({ experiment: id, body: {} }),
    done: () => `Stopping ${name}`,
    changes: ['experiment', 'job'],
    quiet: true,
  })
  const go = async () => {
    if ((await action.run(undefined)) !== undefined) onClose()
  }
  return (
    <Dialog title={`Stop ${name}?`} onClose={onClose}>
      <div className="stack">
        <p className="muted">
          {nodes === 1 ? 'What runs is' : `All ${plural(nodes, 'node')} are`} asked to end, and killed 10 s later. Logs,
          metrics and artifacts stay.
        </p>
        <CommandLine line={`experiment stop ${id}`} />
        <ErrorNote error={action.error} />
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="filled" loading={action.pending} onClick={() => void go()} data-autofocus>
            Stop
          </Button>
        </div>
      </div>
    </Dialog>
  )
}

function DeleteExperiment(props: {
  experiment: ActedExperiment
  onClose: () => void
  onDeleted: (() => void) | undefined
}): ReactNode {
  const { experiment, onClose, onDeleted } = props
  const { id, name, nodes } = experiment
  const action = useAction<void, unknown>({
    run: () => client.experiment.delete({ experiment: id }),
    done: () => `Deleted ${name}`,
    changes: ['experiment', 'project', 'job', 'run'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`experiment ${name}`}
      name={name}
      takes={
        experiment.state === 'created'
          ? []
          : [`${nodes === 1 ? 'its job' : `the jobs of its ${nodes} nodes`} with logs, metrics and artifacts`]
      }
      action={{
        ...action,
        async run() {
          const done = await action.run()
          if (done !== undefined) onDeleted?.()
          return done
        },
      }}
      command={`experiment delete ${id}`}
      onClose={onClose}
    />
  )
}

function ChangeExperiment({ id, onClose }: { id: string; onClose: () => void }): ReactNode {
  const query = useApi('experiment', 'show', { experiment: id })
  return (
    <Dialog title="Name, tags and note" onClose={onClose} size={560}>
      <Loaded query={query}>{(experiment) => <ChangeForm experiment={experiment} onClose={onClose} />}</Loaded>
    </Dialog>
  )
}

function ChangeForm({ experiment, onClose }: { experiment: Experiment; onClose: () => void }): ReactNode {
  const [name, setName] = useState(experiment.name)
  const [tags, setTags] = useState<string[]>(experiment.tags)
  const [note, setNote] = useState(experiment.note)
  const save = useAction({
    run: () => client.experiment.update({ experiment: experiment.id, body: { name, tags, note } }),
    done: () => ({ message: `Changed ${name}`, undo: () => putBack(experiment) }),
    changes: ['experiment'],
    quiet: true,
  })
  const submit = async () => {
    if ((await save.run(undefined)) !== undefined) onClose()
  }
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
    >
      <TextInput
        label="Name"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        dir="auto"
        autoComplete="off"
        data-autofocus
      />
      <TagsInput label="Tags" value={tags} onChange={setTags} acceptValueOnBlur />
      <Textarea
        label="Note"
        description="Markdown."
        className="experiment-note mono-field"
        value={note}
        maxLength={experimentLimits.noteLength}
        onChange={(event) => setNote(event.currentTarget.value)}
        dir="auto"
      />
      <ErrorNote error={save.error} />
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="filled" loading={save.pending}>
          Save
        </Button>
      </div>
    </form>
  )
}

const putBack = ({ id, name, tags, note }: Experiment) =>
  client.experiment.update({ experiment: id, body: { name, tags, note } })
