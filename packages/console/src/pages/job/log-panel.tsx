import type { ApiError } from '@nabla/api/client'
import type { LogLine } from '@nabla/api/log'
import { type ReactNode, useState } from 'react'
import { CommandLine } from '../../parts/copy.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { isPhone } from '../../parts/phone.ts'
import { EmptyState, ErrorState, Lines } from '../../parts/states.tsx'
import type { LogTimes } from './log-line.tsx'
import type { LogRows } from './log-rows.ts'
import { LogViewport } from './log-viewport.tsx'
import './log.css'

/** Rows that are read from the end of a log on, and kept. */
export interface KeptRows extends LogRows {
  readonly isLoading: boolean
  readonly ended: boolean
  readonly error: ApiError | undefined
}

/** A log that is looked at as it grows: its tools, its lines, and the command that shows the same. */
export function LogPanel(props: {
  label: string
  rows: KeptRows
  tools: ReactNode
  follow: boolean
  onFollow: (follow: boolean) => void
  times: LogTimes
  /** What relative times count from, in milliseconds since the epoch. */
  since: number
  /** Marked wherever it stands. */
  find: string
  /** What is said of one that has ended and is empty. */
  nothing: string
  count: ReactNode
  command: string
}): ReactNode {
  const { label, rows, follow, onFollow, times, since, find } = props
  const [whole, setWhole] = useState<LogLine>()
  return (
    <section className="panel" aria-label={label}>
      {props.tools}
      {rows.error ? (
        <ErrorState error={rows.error} />
      ) : rows.isLoading ? (
        <div className="panel-body">
          <Lines count={8} />
        </div>
      ) : rows.count === 0 ? (
        <EmptyState title={rows.ended ? props.nothing : 'Nothing has been written yet.'} />
      ) : (
        <div className="log-frame">
          <LogViewport
            rows={rows}
            follow={follow}
            onFollow={onFollow}
            target={undefined}
            selection={undefined}
            onPick={() => undefined}
            onShowAll={setWhole}
            onTop={() => undefined}
            hrefOf={() => ''}
            times={times}
            wrap={isPhone()}
            since={since}
            marked={find.toLowerCase()}
          />
        </div>
      )}
      <div className="log-foot">
        <span className="muted number">{props.count}</span>
        <span className="grow" />
        <CommandLine line={props.command} />
      </div>
      {whole && (
        <Dialog title={`Line ${whole.seq}`} onClose={() => setWhole(undefined)} size={900}>
          <pre className="log-whole" tabIndex={0}>
            {whole.text}
          </pre>
        </Dialog>
      )}
    </section>
  )
}
