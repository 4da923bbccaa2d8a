import { Button, Skeleton } from '@mantine/core'
import type { ApiError } from '@nabla/api/client'
import { createContext, type ReactNode, useCallback, useContext, useLayoutEffect, useRef, useState } from 'react'
import { toApiError } from './action.ts'
import { CommandLine, CopyId } from './copy.tsx'
import { Icon } from './icon.tsx'
import { Prose } from './prose.tsx'
import './states.css'

/** Nothing here yet: a sentence, the command that changes that, a button. */
export function EmptyState(props: { title: string; command?: string; action?: ReactNode; children?: ReactNode }) {
  return (
    <div className="empty-state">
      <p className="empty-title">{props.title}</p>
      {props.children && <div className="muted">{props.children}</div>}
      {props.command && <CommandLine line={props.command} />}
      {props.action}
    </div>
  )
}

/** What failed, what to do about it, how to find it in the log of the server, and another try. */
export function ErrorState({ error, onRetry }: { error: ApiError | Error; onRetry?: () => void }): ReactNode {
  const { message, hint, requestId } = toApiError(error)
  return (
    <div className="empty-state" role="alert">
      <p className="empty-title error-title">
        <Icon name="warning" />
        {message}
      </p>
      <p className="muted">
        <Prose text={hint} />
      </p>
      {requestId && (
        <p className="faint">
          Request <CopyId value={requestId} />
        </p>
      )}
      {onRetry && (
        <Button onClick={onRetry} leftSection={<Icon name="retry" size={14} />}>
          Try again
        </Button>
      )}
    </div>
  )
}

/** The same in a form or a dialog, in few lines. */
export function ErrorNote({ error }: { error: ApiError | undefined }): ReactNode {
  return (
    <div aria-live="assertive">
      {error && (
        <div className="error-note">
          <Icon name="warning" />
          <div>
            <strong>{error.message}</strong> <Prose text={error.hint} />
          </div>
        </div>
      )}
    </div>
  )
}

interface Reading<Data> {
  data: Data | undefined
  error: ApiError | null
  refetch: () => unknown
}

/**
 * The frame of a page that shows one thing: lines while it is read, the error if it cannot be, else the page. What was
 * read before stays while it is read again.
 */
export function Loaded<Data>(props: { query: Reading<Data>; children: (data: Data) => ReactNode; lines?: number }) {
  const { query, children, lines = 6 } = props
  if (query.data !== undefined) return children(query.data)
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />
  return <Lines count={lines} />
}

/** Grey lines where something will be. */
export function Lines({ count }: { count: number }): ReactNode {
  const tell = useContext(Waiting)
  useLayoutEffect(() => {
    tell?.(1)
    return () => tell?.(-1)
  }, [tell])
  return (
    <div className="stack" aria-busy="true" aria-label="Loading" role="status">
      {Array.from({ length: count }, (_, index) => (
        <Skeleton key={index} height={16} width={`${90 - ((index * 17) % 45)}%`} />
      ))}
    </div>
  )
}

/** By this `Lines` tell the `Together` around them that one more waits, or one less. */
const Waiting = createContext<((more: 1 | -1) => void) | undefined>(undefined)

/**
 * Parts of a page that appear together, when none of them shows `Lines` any more. Shown one by one, each would move what
 * is below it, and what moves below a pointer is missed by the click. Later changes are shown as they come.
 */
export function Together({ children, lines = 8 }: { children: ReactNode; lines?: number }): ReactNode {
  const waiting = useRef(0)
  const [isComplete, setComplete] = useState(false)
  const [, look] = useState(0)
  const tell = useCallback((more: 1 | -1) => {
    waiting.current += more
    look((turn) => turn + 1)
  }, [])
  // What was waited for may have brought more to wait for: by now that has told of itself.
  useLayoutEffect(() => {
    if (waiting.current === 0) setComplete(true)
  })
  return (
    <>
      {!isComplete && <Lines count={lines} />}
      <Waiting value={isComplete ? undefined : tell}>
        <div className={isComplete ? 'together' : 'together together-waiting'}>{children}</div>
      </Waiting>
    </>
  )
}

/** Takes the room of a line of words that are not known yet. */
export function LineRoom(): ReactNode {
  return <span>{'\u00a0'}</span>
}
