import type { TrialState } from '@nabla/api/sweep'
import { type LaneBar, lanesOf } from '@nabla/api/trial-lanes'
import { trialStates } from '@nabla/api/trial-states'
import { type KeyboardEvent, type ReactNode, useMemo, useState } from 'react'
import { now } from '../../clock.ts'
import { type Drawing, useCanvas } from '../../parts/canvas.ts'
import { formatDuration, formatTime } from '../../parts/format.ts'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { type TrialPicture, TrialTip } from './trial-plot.tsx'
import { trialShapes } from './trial-words.ts'

const [left, right, top, bottom] = [12, 12, 8, 46]
const [thickest, thinnest] = [18, 3]
const mostHeight = 560

/** When each trial ran, those at the same time below each other: where machines stood still, and which trials were long. */
export function SweepTimeline({ trials, objectives, onOpen }: TrialPicture): ReactNode {
  const drawn = useMemo(() => layOut(trials), [trials])
  const [current, setCurrent] = useState<number>()
  const { bars, thickness, height } = drawn
  const { canvas, width } = useCanvas(height, (drawing) => draw(drawing, drawn), [drawn])
  const at = current === undefined ? undefined : bars[current]
  const find = (event: { clientX: number; clientY: number; currentTarget: Element }) => {
    const box = event.currentTarget.getBoundingClientRect()
    const [x, y] = [event.clientX - box.left, event.clientY - box.top]
    const lane = Math.floor((y - top) / thickness)
    const near = bars.findLastIndex((bar) => {
      const [from, to] = edges(bar, drawn, width)
      return bar.lane === lane && x >= from - 2 && x <= to + 2
    })
    return near === -1 ? undefined : near
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && at) return onOpen(at.trial.number)
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (by === undefined || bars.length === 0) return
    event.preventDefault()
    setCurrent(current === undefined ? 0 : (current + by + bars.length) % bars.length)
  }
  if (bars.length === 0) return <EmptyState title="No trial has begun yet." />
  return (
    <div className="stack">
      <div className="panel panel-body">
        <div
          className="scatter"
          style={{ height }}
          role="application"
          aria-label="Trials over time: arrow keys go through them, enter opens one"
          tabIndex={0}
          onKeyDown={onKeyDown}
          onPointerMove={(event) => setCurrent(find(event))}
          onPointerLeave={() => setCurrent(undefined)}
          onClick={(event) => {
            const found = find(event)
            if (found !== undefined) onOpen(bars[found]!.trial.number)
          }}
        >
          <canvas ref={canvas} aria-hidden="true" />
          {at && <Tip bar={at} all={drawn} width={width} objectives={objectives} />}
        </div>
      </div>
      <ul className="sweep-states">
        {(Object.keys(trialStates) as TrialState[]).map((state) => (
          <li key={state}>
            <StateBadge state={state} shape={trialShapes[state]} label={trialStates[state].label} />
          </li>
        ))}
      </ul>
    </div>
  )
}

function Tip(props: { bar: LaneBar; all: Timeline; width: number; objectives: TrialPicture['objectives'] }): ReactNode {
  const { bar, all, width, objectives } = props
  const [from, to] = edges(bar, all, width)
  const side = from > width / 2 ? { right: width - to } : { left: from }
  return (
    <div className="scatter-tip" aria-live="polite" style={{ top: top + (bar.lane + 1) * all.thickness + 4, ...side }}>
      <TrialTip trial={bar.trial} objectives={objectives} />
      <div className="muted">took {formatDuration(bar.to - bar.from)}</div>
    </div>
  )
}

interface Timeline {
  bars: LaneBar[]
  from: number
  to: number
  thickness: number
  height: number
}

function layOut(trials: TrialPicture['trials']): Timeline {
  const { bars, lanes } = lanesOf(trials, now())
  const thickness = Math.max(thinnest, Math.min(thickest, Math.floor(mostHeight / Math.max(1, lanes))))
  return {
    bars,
    thickness,
    height: top + bottom + Math.max(1, lanes) * thickness,
    from: bars.reduce((least, { from }) => Math.min(least, from), Infinity),
    to: bars.reduce((most, { to }) => Math.max(most, to), -Infinity),
  }
}

function edges({ from, to }: LaneBar, all: Timeline, width: number): [number, number] {
  const scale = (width - left - right) / Math.max(1, all.to - all.from)
  return [left + (from - all.from) * scale, left + (to - all.from) * scale]
}

function draw(drawing: Drawing, all: Timeline): void {
  drawTimes(drawing, all)
  const { context, width, color } = drawing
  const shapes = [...new Set(Object.values(trialShapes))]
  const colors = new Map(shapes.map((shape) => [shape, color(`--state-${shape}`)]))
  const gap = all.thickness > 8 ? 2 : all.thickness > 4 ? 1 : 0
  for (const bar of all.bars) {
    const [from, to] = edges(bar, all, width)
    context.fillStyle = colors.get(trialShapes[bar.trial.state]) ?? ''
    const space = to - from > 4 ? 1 : 0
    context.fillRect(from, top + bar.lane * all.thickness, Math.max(1.5, to - from - space), all.thickness - gap)
  }
}

/** How long after the first trial: one of these, in seconds. */
const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400]
const leastGapPx = 90

/** The line of time below the bars: steps since the first trial, and when it all was. */
function drawTimes({ context, width, height, color }: Drawing, all: Timeline): void {
  const tookMs = Math.max(1, all.to - all.from)
  const mostSteps = Math.max(1, Math.floor((width - left - right) / leastGapPx))
  const days = Math.ceil(tookMs / 86_400_000 / mostSteps)
  const step = (timeSteps.find((seconds) => tookMs / (seconds * 1000) <= mostSteps) ?? days * 86_400) * 1000
  context.font = `11px ${color('--font-sans')}`
  context.strokeStyle = color('--line')
  context.fillStyle = color('--muted')
  context.textBaseline = 'bottom'
  context.textAlign = 'center'
  for (let past = step; past <= tookMs; past += step) {
    const x = Math.round(left + (past / tookMs) * (width - left - right)) + 0.5
    context.beginPath()
    context.moveTo(x, top)
    context.lineTo(x, height - 38)
    context.stroke()
    context.fillText(formatDuration(past), Math.min(x, width - right - 16), height - 22)
  }
  context.textAlign = 'left'
  context.fillText(formatTime(all.from), left, height - 4)
  context.textAlign = 'right'
  context.fillText(width > 480 ? formatTime(all.to) : formatDuration(all.to - all.from), width - right, height - 4)
}
