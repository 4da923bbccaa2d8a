import { type ReactNode, useEffect, useReducer, useState } from 'react'
import { now } from '../clock.ts'
import { formatBytes, formatDuration, formatRelative, formatTime } from './format.ts'
import { usePreferences } from './preferences.ts'

/** How long ago something was, kept right as time goes on, or when; the other of the two on hover. */
export function RelativeTime({ time }: { time: string | null | undefined }): ReactNode {
  const { times } = usePreferences()
  // Exact times are written by a part of the browser that takes a while to begin.
  const [isAsked, ask] = useState(false)
  useTick(time == null ? null : 10_000)
  if (time == null) return <span className="faint none">–</span>
  const relative = () => formatRelative(Date.parse(time), now())
  const exact = () => formatTime(time)
  const [shown, other] = times === 'relative' ? [relative, exact] : [exact, relative]
  return (
    <time dateTime={time} title={isAsked ? other() : undefined} onPointerEnter={() => ask(true)} className="number">
      {shown()}
    </time>
  )
}

/** A size, with the exact number of bytes on hover. */
export function Bytes({ bytes }: { bytes: number | null | undefined }): ReactNode {
  if (bytes == null) return <span className="faint none">–</span>
  return (
    <span className="number" title={`${bytes.toLocaleString('en-US')} bytes`}>
      {formatBytes(bytes)}
    </span>
  )
}

/** How long something took, or has been going on if `to` is null: then it counts. */
export function Duration({ from, to }: { from: string | null; to: string | null }): ReactNode {
  useTick(from !== null && to === null ? 1000 : null)
  if (from === null) return <span className="faint none">–</span>
  const end = to === null ? now() : Date.parse(to)
  return <span className="number">{formatDuration(end - Date.parse(from))}</span>
}

/** Draws the component again every so many ms; null: never. All that wait equally long share one clock. */
export function useTick(everyMs: number | null): void {
  const [, tick] = useReducer((count: number) => count + 1, 0)
  useEffect(() => (everyMs === null ? undefined : onTick(everyMs, tick)), [everyMs])
}

const clocks = new Map<number, { timer: ReturnType<typeof setInterval>; waiting: Set<() => void> }>()

function onTick(everyMs: number, wake: () => void): () => void {
  let clock = clocks.get(everyMs)
  if (!clock) {
    const waiting = new Set<() => void>()
    const timer = setInterval(() => {
      for (const one of waiting) one()
    }, everyMs)
    clock = { timer, waiting }
    clocks.set(everyMs, clock)
  }
  const { timer, waiting } = clock
  waiting.add(wake)
  return () => {
    waiting.delete(wake)
    if (waiting.size > 0 || clocks.get(everyMs)?.waiting !== waiting) return
    clearInterval(timer)
    clocks.delete(everyMs)
  }
}
