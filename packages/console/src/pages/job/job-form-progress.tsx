import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { formatBytes, formatDuration } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { Panel } from '../../parts/page-header.tsx'
import type { Submitting } from './job-form-submit.ts'

/** What is under way after the button was pressed: how far, how fast, how long still. */
export function ProgressPanel({ state, onCancel }: { state: Submitting; onCancel: () => void }): ReactNode {
  return (
    <Panel
      title={state.is === 'sending' ? 'Sending the files' : 'Submitting'}
      actions={
        <Button size="compact-xs" onClick={onCancel}>
          Cancel
        </Button>
      }
    >
      {state.is === 'waiting' ? (
        <div className="stack">
          <progress className="job-progress" aria-label={state.what} />
          <p className="muted">{state.what}</p>
        </div>
      ) : (
        <Sending {...state} />
      )}
    </Panel>
  )
}

function Sending({ progress, bytesPerSecond }: Extract<Submitting, { is: 'sending' }>): ReactNode {
  const { readBytes, totalBytes, sentBytes, away } = progress
  const left = bytesPerSecond ? ((totalBytes - readBytes) / bytesPerSecond) * 1000 : undefined
  return (
    <div className="stack">
      <progress className="job-progress" aria-label="Sent" max={Math.max(1, totalBytes)} value={readBytes} />
      <p className="number muted">
        {formatBytes(readBytes)} of {formatBytes(totalBytes)}
        {bytesPerSecond !== undefined && !away && ` · ${formatBytes(bytesPerSecond)}/s`}
        {left !== undefined && !away && left > 0 && ` · ${formatDuration(left)} left`}
        {` · ${formatBytes(sentBytes)} had to travel`}
      </p>
      <p role="status" className={away ? 'warning-text' : 'only-heard'}>
        {away && (
          <>
            <Icon name="warning" size={14} /> The server does not answer. It goes on as soon as it is back.
          </>
        )}
      </p>
    </div>
  )
}
