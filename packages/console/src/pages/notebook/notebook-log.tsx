import { type Notebook, notebookStates } from '@nabla/api/notebook'
import type { LogBlock, LogLine } from '@nabla/api/log'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import type { ApiError } from '@nabla/api/client'
import { client, plainClient } from '../../api/client.ts'
import { followStream } from '../../api/follow.ts'
import { toApiError } from '../../parts/action.ts'
import { AnsiText } from '../../parts/ansi-text.tsx'
import { CommandLine } from '../../parts/copy.tsx'
import { formatCount, formatTime } from '../../parts/format.ts'
import { quote } from '../../parts/quote.ts'
import { EmptyState, ErrorNote, Lines } from '../../parts/states.tsx'

/** Lines that are kept here; the command line has all of them. */
const mostLines = 2000

/** The log of a notebook: what its start and its Jupyter said, live. */
export function NotebookLog({ notebook }: { notebook: Notebook }): ReactNode {
  const { id, session, name, state } = notebook
  const { lines, last, error } = useLines(id, session)
  const box = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  useEffect(() => {
    if (box.current && isAtEnd.current) box.current.scrollTop = box.current.scrollHeight
  }, [lines])
  const follow = notebookStates[state].active ? ' --follow' : ''
  return (
    <section className="panel" aria-label="Log of the notebook">
      <ErrorNote error={error} />
      {lines === undefined ? (
        <div className="panel-body">
          <Lines count={8} />
        </div>
      ) : lines.length === 0 ? (
        <EmptyState title="Nothing has been said yet." />
      ) : (
        <div
          ref={box}
          className="notebook-log mono"
          tabIndex={0}
          role="log"
          aria-label="Lines"
          onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
            isAtEnd.current = scrollHeight - scrollTop - clientHeight < 24
          }}
        >
          {lines.length < last && (
            <p className="faint">
              The last {formatCount(lines.length)} of {formatCount(last)} lines.
            </p>
          )}
          {lines.map((line) => (
            <div key={line.seq} className={`notebook-log-line notebook-log-${line.source}`} title={formatTime(line.at)}>
              <AnsiText text={line.text} />
            </div>
          ))}
        </div>
      )}
      <div className="panel-body">
        <CommandLine line={`notebook logs${follow} ${quote(name)}`} />
      </div>
    </section>
  )
}

interface Read {
  lines: readonly LogLine[] | undefined
  last: number
  error: ApiError | undefined
}

function useLines(notebook: string, session: number): Read {
  const [read, setRead] = useState<Read>({ lines: undefined, last: 0, error: undefined })
  useEffect(() => {
    const control = new AbortController()
    const { signal } = control
    const take = (more: readonly LogLine[], last: number) =>
      setRead(({ lines = [] }) => {
        const known = lines.at(-1)?.seq ?? 0
        const all = [...lines, ...more.filter(({ seq }) => seq > known)].slice(-mostLines)
        return { lines: all, last, error: undefined }
      })
    const follow = async () => {
      const { items, last } = await client.notebook.logs({ notebook, tail: mostLines }, { signal })
      take(items, last)
      await followStream<LogBlock>({
        open: (options) => plainClient.notebook.followLogs({ notebook, after: last }, options),
        take: (block) => take(linesOf(block), block.seq + block.lines - 1),
        signal,
      })
    }
    setRead({ lines: undefined, last: 0, error: undefined })
    follow().catch((error: unknown) => signal.aborted || setRead((now) => ({ ...now, error: toApiError(error) })))
    return () => control.abort()
  }, [notebook, session])
  return read
}

const linesOf = ({ seq, at, source, text }: LogBlock): LogLine[] =>
  text.split('\n').map((line, place) => ({ seq: seq + place, at, source, text: line }))
