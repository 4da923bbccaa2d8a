import type { Run } from '@nabla/api/run'
import { tensorboardLimits } from '@nabla/api/tensorboard-states'
import type { Action } from '../../parts/action.ts'
import { newTensorboardAddress } from '../tensorboard/tensorboard-address.ts'

interface Given {
  go: (address: string) => void
  remove: (runs: readonly Run[]) => void
}

/** More lines on one chart tell nobody anything. */
const mostCompared = 50

/** Where runs stand side by side. */
export const compareRunsAddress = (ids: readonly string[]): string => `/runs/compare?ids=${ids.join(',')}`

/** What can be done with one run. */
export function runActions(run: Run, { go, remove }: Given): Action[] {
  const { job } = run
  return [
    ...(job
      ? [
          { label: 'Open its job', icon: 'job' as const, run: () => go(`/jobs/${job.id}`) },
          {
            label: 'TensorBoard',
            icon: 'chart' as const,
            command: `tensorboard create --job ${job.id}`,
            run: () => go(newTensorboardAddress({ jobs: [job.id] })),
          },
        ]
      : []),
    {
      label: 'Delete',
      icon: 'trash',
      danger: true,
      command: `runs delete ${run.id}`,
      run: () => remove([run]),
    },
  ]
}

/** What can be done with several. */
export function bulkRunActions(runs: readonly Run[], { go, remove }: Given): Action[] {
  const ids = runs.map(({ id }) => id)
  const jobs = [...new Set(runs.flatMap(({ job }) => job?.id ?? []))]
  const unavailable =
    runs.length < 2
      ? 'Select another one to compare it with.'
      : runs.length > mostCompared
        ? `Select at most ${mostCompared}.`
        : undefined
  return [
    {
      label: 'Compare',
      icon: 'columns',
      unavailable,
      command: `runs compare ${ids.join(' ')}`,
      run: () => go(compareRunsAddress(ids)),
    },
    {
      label: 'TensorBoard',
      icon: 'chart',
      unavailable:
        jobs.length === 0
          ? 'None of them is of a job.'
          : jobs.length > tensorboardLimits.sources
            ? `Select at most ${tensorboardLimits.sources}.`
            : undefined,
      command: `tensorboard create ${jobs.map((job) => `--job ${job}`).join(' ')}`,
      run: () => go(newTensorboardAddress({ jobs })),
    },
    {
      label: 'Delete',
      icon: 'trash',
      danger: true,
      command: `runs delete ${ids[0] ?? 'RUN'}`,
      run: () => remove(runs),
    },
  ]
}
