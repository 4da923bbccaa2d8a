import type { Job, JobPhase } from '@nabla/api/job'
import { jobStates } from '@nabla/api/job-states'
import type { ReactNode } from 'react'
import { now } from '../../clock.ts'
import { useTick } from '../../parts/amount.tsx'
import { formatDuration, formatTime } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { Prose } from '../../parts/prose.tsx'

const labels: Record<JobPhase['name'], string> = {
  queue: 'Queue',
  files: 'Files',
  build: 'Build',
  image: 'Image',
  create: 'Create',
  start: 'Start',
  environment: 'Environment',
  run: 'Run',
  collect: 'Collect',
}

/** What a job goes through, with how long it took; below it, why it waits or what went wrong. */
export function PhaseBar({ job }: { job: Job }): ReactNode {
  const { phases } = job
  const { ended } = jobStates[job.state]
  useTick(ended ? null : 1000)
  const failedAt = failedPhase(job)
  return (
    <div className="phases">
      <ol className="phase-bar" aria-label="Phases">
        {phases.map((phase, index) => (
          <Phase key={phase.name} phase={phase} isOn={!ended && phase.endedAt === null} isFailed={index === failedAt} />
        ))}
        {phases.length === 0 && <li className="phase phase-on">Queue</li>}
      </ol>
      <Sentence job={job} />
    </div>
  )
}

/** The last phase but that of putting away the results: -1 if none failed. */
function failedPhase({ state, phases }: Job): number {
  if (state !== 'failed' && state !== 'error' && state !== 'preempted') return -1
  return phases.findLastIndex(({ name }) => name !== 'collect')
}

function Phase({ phase, isOn, isFailed }: { phase: JobPhase; isOn: boolean; isFailed: boolean }): ReactNode {
  const { name, startedAt, endedAt } = phase
  const begin = Date.parse(startedAt)
  const tookMs = (endedAt === null ? now() : Date.parse(endedAt)) - begin
  // Long ones are wider, but the short ones stay readable.
  const weight = 1 + Math.log10(1 + Math.max(0, tookMs) / 1000)
  return (
    <li
      className={`phase ${isFailed ? 'phase-failed' : isOn ? 'phase-on' : ''}`}
      style={{ flexGrow: weight }}
      title={`${labels[name]}: from ${formatTime(begin)}${endedAt === null ? '' : ` to ${formatTime(endedAt)}`}`}
      aria-current={isOn ? 'step' : undefined}
    >
      <span className="phase-name">
        {isFailed && <Icon name="close" size={12} />}
        {labels[name]}
        {isFailed && <span className="only-heard"> failed</span>}
      </span>
      <span className="number">{formatDuration(tookMs)}</span>
    </li>
  )
}

function Sentence({ job }: { job: Job }): ReactNode {
  const { queue, reason, state } = job
  if (queue) {
    return (
      <p className="phase-sentence">
        <strong>{queue.position === 1 ? 'Next in the queue' : `Place ${queue.position} in the queue`}:</strong>
        <span>{queue.why}</span>
      </p>
    )
  }
  if (reason === null) return null
  const isBad = state === 'failed' || state === 'error' || state === 'preempted'
  return (
    <p className={isBad ? 'phase-sentence phase-sentence-bad' : 'phase-sentence'} dir="auto">
      {isBad && <Icon name="warning" />}
      <span>
        <Prose text={reason} />
      </span>
    </p>
  )
}
