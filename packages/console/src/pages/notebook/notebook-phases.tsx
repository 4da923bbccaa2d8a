import type { Notebook, NotebookPhase } from '@nabla/api/notebook'
import { notebookStates } from '@nabla/api/notebook-state'
import type { ReactNode } from 'react'
import { now } from '../../clock.ts'
import { useTick } from '../../parts/amount.tsx'
import { formatDuration, formatTime } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { Prose } from '../../parts/prose.tsx'

const labels: Record<NotebookPhase['name'], string> = {
  queue: 'Queue',
  files: 'Files',
  image: 'Image',
  container: 'Container',
  environment: 'Environment',
  jupyter: 'Jupyter',
  ready: 'Ready',
}

/** What the start of a notebook goes through, with how long it took; below it, why it waits or what went wrong. */
export function NotebookPhases({ notebook }: { notebook: Notebook }): ReactNode {
  const { phases, state } = notebook
  const { active } = notebookStates[state]
  const isStarting = state === 'pending' || state === 'provisioning'
  useTick(active ? 1000 : null)
  if (phases.length === 0 && !isStarting) return <Sentence notebook={notebook} />
  const failedAt = state === 'error' ? phases.length - 1 : -1
  return (
    <div className="phases">
      <ol className="phase-bar" aria-label="Phases">
        {phases.map((phase, index) => (
          <Phase key={phase.name} phase={phase} isOn={active && phase.endedAt === null} isFailed={index === failedAt} />
        ))}
        {phases.length === 0 && <li className="phase phase-on">Queue</li>}
      </ol>
      <Sentence notebook={notebook} />
    </div>
  )
}

function Phase({ phase, isOn, isFailed }: { phase: NotebookPhase; isOn: boolean; isFailed: boolean }): ReactNode {
  const { name, startedAt, endedAt, detail } = phase
  const begin = Date.parse(startedAt)
  const tookMs = (endedAt === null ? now() : Date.parse(endedAt)) - begin
  const until = endedAt === null ? '' : ` to ${formatTime(endedAt)}`
  return (
    <li
      className={`phase ${isFailed ? 'phase-failed' : isOn ? 'phase-on' : ''}`}
      style={{ flexGrow: 1 + Math.log10(1 + Math.max(0, tookMs) / 1000) }}
      title={`${labels[name]}: from ${formatTime(begin)}${until}${detail === undefined ? '' : `. ${detail}`}`}
      aria-current={isOn ? 'step' : undefined}
    >
      <span className="phase-name">
        {isFailed && <Icon name="close" size={12} />}
        {labels[name]}
        {isFailed && <span className="only-heard"> failed</span>}
      </span>
      <span className="number">{isOn || endedAt !== null ? formatDuration(tookMs) : ''}</span>
    </li>
  )
}

function Sentence({ notebook: { queue, reason, state } }: { notebook: Notebook }): ReactNode {
  if (queue) {
    return (
      <p className="phase-sentence">
        <strong>{queue.position === 1 ? 'Next in the queue' : `Place ${queue.position} in the queue`}:</strong>
        <span>{queue.why}</span>
      </p>
    )
  }
  if (reason === null) return null
  const isBad = state === 'error'
  return (
    <p className={isBad ? 'phase-sentence phase-sentence-bad' : 'phase-sentence'} dir="auto">
      {isBad && <Icon name="warning" />}
      <span>
        <Prose text={reason} />
      </span>
    </p>
  )
}
