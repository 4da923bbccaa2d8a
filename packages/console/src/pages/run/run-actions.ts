import type { Run } from '@nabla/api/run'
import type { Action } from '../../parts/action.ts'

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
    ...(job ? [{ label: 'Open its job', icon: 'job' as const, run: () => go(`/jobs/${job.id}`) }] : []),
    { label: 'Delete', icon: 'trash', danger: true, run: () => remove([run]) },
  ]
}

/** What can be done with several. */
export function bulkRunActions(runs: readonly Run[], { go, remove }: Given): Action[] {
  const unavailable =
    runs.length < 2
      ? 'Select another one to compare it with.'
      : runs.length > mostCompared
        ? `Select at most ${mostCompared}.`
        : undefined
  return [
    { label: 'Compare', icon: 'columns', unavailable, run: () => go(compareRunsAddress(runs.map(({ id }) => id))) },
    { label: 'Delete', icon: 'trash', danger: true, run: () => remove(runs) },
  ]
}
