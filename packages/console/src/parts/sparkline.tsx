import type { ReactNode } from 'react'
import './sparkline.css'

export interface SparklineProps {
  /** `[time in ms, value]`, in order; a null is a gap. */
  points: readonly (readonly [number, number | null])[]
  /** What is shown of time, in ms since 1970. */
  from: number
  to: number
  /** Value at the top; the bottom is 0. */
  top: number
}

const [width, height] = [200, 32]

/** A small line beside a number that says the same: it shows how the number came about. Gaps are gaps. */
export function Sparkline({ points, from, to, top }: SparklineProps): ReactNode {
  const x = (time: number) => ((time - from) / (to - from || 1)) * width
  const y = (value: number) => height - 1 - Math.min(1, Math.max(0, value / (top || 1))) * (height - 2)
  let path = ''
  let isOn = false
  for (const [time, value] of points) {
    if (time >= from && value !== null) path += `${isOn ? 'L' : 'M'}${x(time).toFixed(1)} ${y(value).toFixed(1)}`
    isOn = time >= from && value !== null
  }
  return (
    <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" className="sparkline" aria-hidden="true">
      <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} className="sparkline-ground" />
      <path d={path} className="sparkline-line" />
    </svg>
  )
}

/** How much of something is taken, as a bar: the words beside it say the same. */
export function Meter({ share, label }: { share: number; label: string }): ReactNode {
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 100)
  return (
    <span
      className={`meter ${percent > 90 ? 'meter-full' : ''}`}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <span style={{ width: `${percent}%` }} />
    </span>
  )
}
