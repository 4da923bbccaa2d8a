import type { JobState } from '@nabla/api/job'
import { jobCan, jobStates } from '@nabla/api/job-states'
import type { Action } from '../../parts/action.ts'
import { plural } from '../../parts/format.ts'
import { newTensorboardAddress } from '../tensorboard/tensorboard-address.ts'

/** What an action has to know of a job. */
export interface ActedJob {
  id: string
  name: string
  state: JobState
  stopRequestedAt: string | null
  tags: readonly string[]
}

/** What is opened for an action that asks something first; `jobs` are those that it applies to. */
export interface AskedOfJobs<Job extends ActedJob = ActedJob> {
  ask: 'stop' | 'delete' | 'tag'
  jobs: readonly Job[]
}

/** Where the form that makes a job stands, filled in from this one. */
export const cloneAddress = ({ id }: { id: string }): string => `/jobs/new?from=${id}`

/** Where jobs stand side by side. */
export const compareAddress = (ids: readonly string[]): string => `/jobs/compare?ids=${ids.join(',')}`

/** Why a job cannot be stopped or deleted as it is; undefined: it can. */
export function whyNot(action: keyof typeof jobCan, { state, stopRequestedAt }: ActedJob): string | undefined {
  if (!(jobCan[action] as readonly JobState[]).includes(state)) {
    const { ended, label } = jobStates[state]
    return action === 'stop' ? `It has ended: ${label.toLowerCase()}.` : ended ? undefined : 'Stop it first.'
  }
  return action === 'stop' && stopRequestedAt !== null ? 'It is being stopped.' : undefined
}

/** What can be done with one job: in its row, on its page and in the palette. */
export function jobActions<Job extends ActedJob>(
  job: Job,
  { go, ask }: { go: (address: string) => unknown; ask: (asked: AskedOfJobs<Job>) => void },
): Action[] {
  return [
    {
      label: 'Stop',
      icon: 'stop',
      command: `job stop ${job.id}`,
      unavailable: whyNot('stop', job),
      run: () => ask({ ask: 'stop', jobs: [job] }),
    },
    { label: 'Clone with changes', icon: 'copy', command: `job clone ${job.id}`, run: () => go(cloneAddress(job)) },
    {
      label: 'TensorBoard',
      icon: 'chart',
      command: `tensorboard create --job ${job.id}`,
      run: () => go(newTensorboardAddress({ jobs: [job.id] })),
    },
    {
      label: 'Tag',
      icon: 'tag',
      command: `job update ${job.id} --tag TAG`,
      run: () => ask({ ask: 'tag', jobs: [job] }),
    },
    {
      label: 'Delete',
      icon: 'trash',
      danger: true,
      command: `job delete ${job.id}`,
      unavailable: whyNot('delete', job),
      run: () => ask({ ask: 'delete', jobs: [job] }),
    },
  ]
}

/** The most jobs that stand side by side. */
const mostCompared = 8

/** What can be done with several jobs: what an action does not apply to is left out of it, and counted. */
export function bulkJobActions<Job extends ActedJob>(
  jobs: readonly Job[],
  { go, ask }: { go: (address: string) => unknown; ask: (asked: AskedOfJobs<Job>) => void },
): Action[] {
  const able = (action: keyof typeof jobCan) => jobs.filter((job) => whyNot(action, job) === undefined)
  const [stoppable, deletable] = [able('stop'), able('delete')]
  const of = (label: string, some: readonly Job[]) =>
    some.length === 0 || some.length === jobs.length ? label : `${label} ${plural(some.length, 'job')}`
  return [
    {
      label: 'Compare',
      icon: 'columns',
      unavailable:
        jobs.length < 2
          ? 'Select another one to compare it with.'
          : jobs.length > mostCompared
            ? `Select at most ${mostCompared}.`
            : undefined,
      command: `runs compare ${jobs.map(({ id }) => id).join(' ')}`,
      run: () => go(compareAddress(jobs.map(({ id }) => id))),
    },
    {
      label: of('Stop', stoppable),
      icon: 'stop',
      unavailable: stoppable.length === 0 ? 'They have all ended, or are being stopped.' : undefined,
      command: `job stop ${stoppable.map(({ id }) => id).join(' ')}`,
      run: () => ask({ ask: 'stop', jobs: stoppable }),
    },
    {
      label: 'Tag',
      icon: 'tag',
      command: `job update ${jobs[0]?.id ?? 'JOB'} --tag TAG`,
      run: () => ask({ ask: 'tag', jobs }),
    },
    {
      label: of('Delete', deletable),
      icon: 'trash',
      danger: true,
      unavailable: deletable.length === 0 ? 'None of them has ended: stop them first.' : undefined,
      command: `job delete ${deletable.map(({ id }) => id).join(' ')}`,
      run: () => ask({ ask: 'delete', jobs: deletable }),
    },
  ]
}
