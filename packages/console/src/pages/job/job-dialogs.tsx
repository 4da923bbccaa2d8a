import { Button, TagsInput, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { plural } from '../../parts/format.ts'
import { quote } from '../../parts/quote.ts'
import { ErrorNote } from '../../parts/states.tsx'
import type { ActedJob, AskedOfJobs } from './job-actions.ts'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'

/** Asks before jobs are stopped, deleted or tagged, and does it; several at a time. `onDone` is called when all went well. */
export function JobDialogs(props: {
  asked: AskedOfJobs
  onClose: () => void
  onDone?: (() => void) | undefined
}): ReactNode {
  const { asked, onClose, onDone } = props
  const given = { jobs: asked.jobs, onClose, onDone }
  return asked.ask === 'tag' ? <TagJobs {...given} /> : <EndJobs {...given} ask={asked.ask} />
}

interface Asked {
  jobs: readonly ActedJob[]
  onClose: () => void
  onDone: (() => void) | undefined
}

const words = {
  stop: {
    verb: 'Stop',
    done: 'Stopping',
    about: 'What runs is asked to end, and killed 10 s later. Log and artifacts stay.',
  },
  delete: {
    verb: 'Delete',
    done: 'Deleted',
    about: 'Log and artifacts go with it, for good.',
  },
} as const

/** Names shown one by one; the others are counted. */
const mostNamed = 5

function EndJobs({ ask, jobs, onClose, onDone }: Asked & { ask: 'stop' | 'delete' }): ReactNode {
  const { verb, done, about } = words[ask]
  const [typed, setTyped] = useState('')
  const what = jobs.length === 1 ? jobs[0]!.name : plural(jobs.length, 'job')
  const action = useAction({
    run: () =>
      forEach(jobs, ({ id }) =>
        ask === 'stop' ? client.job.stop({ job: id, body: {} }) : client.job.delete({ job: id }),
      ),
    done: () => `${done} ${what}`,
    changes: ['job', 'project'],
    quiet: true,
  })
  const needsCount = ask === 'delete' && jobs.length > 1
  const ready = !needsCount || typed.trim() === String(jobs.length)
  const go = async () => {
    if (!ready || (await action.run(undefined)) === undefined) return
    onDone?.()
    onClose()
  }
  return (
    <Dialog title={`${verb} ${what}?`} onClose={onClose}>
      <Form onSubmit={go}>
        {jobs.length > 1 && <Names jobs={jobs} />}
        <p className="muted">{about}</p>
        {needsCount && (
          <TextInput
            label={`Type ${jobs.length} to go on`}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            inputMode="numeric"
            autoComplete="off"
            data-autofocus
          />
        )}
        <CommandLine line={`job ${ask} ${idsOf(jobs)}`} />
        <ErrorNote error={action.error} />
        <Buttons onClose={onClose}>
          <Button
            type="submit"
            variant="filled"
            {...(ask === 'delete' ? { color: 'red' } : {})}
            disabled={!ready}
            loading={action.pending}
            data-autofocus={needsCount ? undefined : true}
          >
            {verb}
          </Button>
        </Buttons>
      </Form>
    </Dialog>
  )
}

/** Tags that all of them have can be taken away, new ones are given to all; what only some have stays as it is. */
function TagJobs({ jobs, onClose, onDone }: Asked): ReactNode {
  const shared = jobs[0]!.tags.filter((tag) => jobs.every(({ tags }) => tags.includes(tag)))
  const [tags, setTags] = useState<string[]>(shared)
  const what = jobs.length === 1 ? jobs[0]!.name : plural(jobs.length, 'job')
  const next = (job: ActedJob) => [
    ...new Set([...job.tags.filter((tag) => !shared.includes(tag) || tags.includes(tag)), ...tags]),
  ]
  const save = useAction({
    run: () => forEach(jobs, (job) => client.job.update({ job: job.id, body: { tags: next(job) } })),
    done: () => ({ message: `Tagged ${what}`, undo: () => forEach(jobs, putBack) }),
    changes: ['job'],
    quiet: true,
  })
  const go = async () => {
    if ((await save.run(undefined)) === undefined) return
    onDone?.()
    onClose()
  }
  const first = next(jobs[0]!)
  const flags = first.length === 0 ? '--no-tags' : first.map((tag) => `--tag ${quote(tag)}`).join(' ')
  return (
    <Dialog title={`Tag ${what}`} onClose={onClose}>
      <Form onSubmit={go}>
        <TagsInput
          label={jobs.length === 1 ? 'Tags' : 'Tags that all of them have'}
          description="Words to find them by. Enter adds one."
          value={tags}
          onChange={setTags}
          acceptValueOnBlur
          data-autofocus
        />
        <CommandLine line={`job update ${jobs[0]!.id} ${flags}`} />
        {jobs.length > 1 && <p className="faint">The line is for the first of them; the others likewise.</p>}
        <ErrorNote error={save.error} />
        <Buttons onClose={onClose}>
          <Button type="submit" variant="filled" loading={save.pending}>
            Save
          </Button>
        </Buttons>
      </Form>
    </Dialog>
  )
}

const putBack = ({ id, tags }: ActedJob) => client.job.update({ job: id, body: { tags: [...tags] } })

function Form({ onSubmit, children }: { onSubmit: () => Promise<void>; children: ReactNode }): ReactNode {
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        void onSubmit()
      }}
    >
      {children}
    </form>
  )
}

function Buttons({ onClose, children }: { onClose: () => void; children: ReactNode }): ReactNode {
  return (
    <div className="row" style={{ justifyContent: 'flex-end' }}>
      <Button onClick={onClose}>Cancel</Button>
      {children}
    </div>
  )
}

function Names({ jobs }: { jobs: readonly ActedJob[] }): ReactNode {
  const more = jobs.length - mostNamed
  return (
    <ul className="job-names">
      {jobs.slice(0, mostNamed).map(({ id, name }) => (
        <li key={id} dir="auto" className="ellipsis">
          {name}
        </li>
      ))}
      {more > 0 && <li className="muted">and {more} more</li>}
    </ul>
  )
}

const idsOf = (jobs: readonly ActedJob[]): string => jobs.map(({ id }) => id).join(' ')

/** Requests that are under way at a time. */
const together = 6

/** Does the same with all of them, some at a time. Goes through all, then throws the first failure there was. */
async function forEach<Job>(jobs: readonly Job[], act: (job: Job) => Promise<unknown>): Promise<true> {
  const left = [...jobs]
  const failures: unknown[] = []
  const work = async () => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) {
      await act(job).catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: together }, work))
  if (failures.length > 0) throw failures[0]
  return true
}
