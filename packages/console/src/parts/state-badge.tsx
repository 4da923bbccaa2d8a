import type { ReactNode } from 'react'
import './state-badge.css'

/** What a state is like. Each has a colour and a shape of its own, so that it is read without colour too. */
export type Shape = 'waiting' | 'running' | 'done' | 'failed' | 'stopped' | 'warning'

/** The shape of every state word; one that is not here is `waiting`. */
const shapes: Record<string, Shape> = {
  pending: 'waiting',
  queued: 'waiting',
  running: 'running',
  starting: 'running',
  stopping: 'running',
  importing: 'running',
  ready: 'done',
  ok: 'done',
  succeeded: 'done',
  failed: 'failed',
  error: 'failed',
  problem: 'failed',
  cancelled: 'stopped',
  stopped: 'stopped',
  deleted: 'stopped',
  preempted: 'warning',
  warning: 'warning',
}

/** The shape of a state word; undefined if it is not one. */
export const shapeOf = (state: string): Shape | undefined => shapes[state]

const drawings: Record<Shape, ReactNode> = {
  waiting: <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="1.6" />,
  running: (
    <>
      <circle cx="6" cy="6" r="4.2" fill="none" stroke="currentColor" strokeWidth="1.6" opacity="0.25" />
      <path d="M6 1.8a4.2 4.2 0 0 1 4.2 4.2" fill="none" stroke="currentColor" strokeWidth="1.8" />
    </>
  ),
  done: <circle cx="6" cy="6" r="4.6" fill="currentColor" />,
  failed: <path d="m2.5 2.5 7 7M9.5 2.5l-7 7" fill="none" stroke="currentColor" strokeWidth="2" />,
  stopped: <path d="M2 6h8" fill="none" stroke="currentColor" strokeWidth="2.4" />,
  warning: <path d="M6 1.5 11 10.5H1Z" fill="currentColor" stroke="currentColor" strokeLinejoin="round" />,
}

export interface StateBadgeProps {
  /** A word such as `running`: it gives the shape, and the label if there is none. */
  state: string
  label?: string
  /** Only if the word is not among those known. */
  shape?: Shape
  /** Shape alone; the word is for those who hear the page, and on hover. */
  bare?: boolean
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** A state as shape, colour and word, which begins with a capital wherever it stands. */
export function StateBadge({ state, label, shape, bare = false }: StateBadgeProps): ReactNode {
  const kind = shape ?? shapes[state] ?? 'waiting'
  const text = capital(label ?? state)
  return (
    <span className={`state state-${kind}`} title={bare ? text : undefined}>
      <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        {drawings[kind]}
      </svg>
      <span className={bare ? 'only-heard' : undefined}>{text}</span>
    </span>
  )
}
