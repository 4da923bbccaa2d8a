import type { NotebookActivity, NotebookSummary } from '@nabla/api/notebook'
import { notebookStates } from '@nabla/api/notebook-state'
import type { ReactNode } from 'react'
import { now } from '../../clock.ts'
import { useTick } from '../../parts/amount.tsx'
import { formatDuration, formatTime, plural } from '../../parts/format.ts'
import { type Shape, StateBadge } from '../../parts/state-badge.tsx'

const shapes: Partial<Record<NotebookSummary['state'], Shape>> = { provisioning: 'running' }

/** The state of a notebook; one that is about to stop says so. */
export function NotebookState({ notebook }: { notebook: NotebookSummary }): ReactNode {
  const { state, warnedAt } = notebook
  const isWarned = state === 'running' && warnedAt !== null
  const shape = isWarned ? 'warning' : shapes[state]
  return (
    <StateBadge
      state={state}
      label={isWarned ? 'About to stop' : notebookStates[state].label}
      {...(shape && { shape })}
    />
  )
}

/** How long until it stops by itself, counted down; nothing for one that will not. */
export function TimeLeft({ notebook }: { notebook: Pick<NotebookSummary, 'state' | 'stopsAt'> }): ReactNode {
  const { state, stopsAt } = notebook
  const isCounting = state === 'running' && stopsAt !== null
  useTick(isCounting ? 1000 : null)
  if (!isCounting) return <span className="faint none">–</span>
  const leftMs = Date.parse(stopsAt) - now()
  return (
    <span className="number" title={`Stops at ${formatTime(stopsAt)} if nobody uses it`}>
      {leftMs <= 0 ? 'any moment' : formatDuration(leftMs)}
    </span>
  )
}

/** What keeps a notebook from being stopped, in words. */
export function activityWords(activity: NotebookActivity | null): string {
  if (!activity) return 'it has just started'
  const { busyKernels, busyTerminals, busyGpus, connections, kernels } = activity
  const words = [
    busyKernels > 0 && `${plural(busyKernels, 'kernel')} computing`,
    busyTerminals > 0 && `${plural(busyTerminals, 'terminal')} at work`,
    busyGpus > 0 && `${plural(busyGpus, 'GPU')} in use`,
    connections > 0 && plural(connections, 'open connection'),
  ].filter(Boolean)
  if (words.length > 0) return words.join(', ')
  return kernels > 0 ? `${plural(kernels, 'kernel')}, none computing` : 'nothing runs in it'
}
