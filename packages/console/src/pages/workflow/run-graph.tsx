import type { WorkflowJob } from '@nabla/api/workflow'
import { workflowJobStates } from '@nabla/api/workflow-states'
import { type ReactNode, useMemo } from 'react'
import { formatDuration } from '../../parts/format.ts'
import { nodeSize, placeJobs, type PlacedJob } from './graph-places.ts'
import { stateShapes } from './workflow-words.tsx'

const margin = 12

/** The jobs of a run as a graph from left to right; one of them is chosen. */
export function RunGraph(props: {
  jobs: readonly WorkflowJob[]
  chosen: string
  onChoose: (name: string) => void
}): ReactNode {
  const { jobs, chosen, onChoose } = props
  const { jobs: placed, lines, width, height } = useMemo(() => placeJobs(jobs), [jobs])
  const [w, h] = [width + 2 * margin, height + 2 * margin]
  return (
    <div className="panel workflow-canvas" tabIndex={0} role="region" aria-label="Graph of the run">
      <svg width={w} height={h} viewBox={`${-margin} ${-margin} ${w} ${h}`}>
        {lines.map(({ from, to, path }) => (
          <path
            key={`${from} ${to}`}
            d={path}
            className={from === chosen || to === chosen ? 'workflow-line workflow-line-near' : 'workflow-line'}
          />
        ))}
        {placed.map((one) => (
          <Node key={one.job.name} placed={one} isChosen={one.job.name === chosen} onChoose={onChoose} />
        ))}
      </svg>
    </div>
  )
}

function Node(props: { placed: PlacedJob; isChosen: boolean; onChoose: (name: string) => void }): ReactNode {
  const { placed, isChosen, onChoose } = props
  const { job, x, y } = placed
  const { name, state, startedAt, endedAt } = job
  const { label } = workflowJobStates[state]
  const took = startedAt === null ? '' : ` · ${formatDuration(Date.parse(endedAt ?? '') - Date.parse(startedAt))}`
  const about = endedAt === null ? label : `${label}${took}`
  return (
    <g
      transform={`translate(${x} ${y})`}
      className={`workflow-node workflow-${stateShapes[state]}${isChosen ? ' workflow-node-chosen' : ''}`}
      role="button"
      tabIndex={0}
      aria-pressed={isChosen}
      onClick={() => onChoose(name)}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return
        event.preventDefault()
        onChoose(name)
      }}
    >
      <rect className="workflow-node-box" width={nodeSize.width} height={nodeSize.height} rx="5" />
      <Sign shape={stateShapes[state]} />
      <foreignObject x="32" y="5" width={nodeSize.width - 40} height={nodeSize.height - 10}>
        <div className="workflow-node-name ellipsis" title={name}>
          {name}
        </div>{' '}
        <div className="workflow-node-state ellipsis">{about}</div>
      </foreignObject>
    </g>
  )
}

/** The same shapes as those of badges, without their motion: a graph is quiet. */
function Sign({ shape }: { shape: (typeof stateShapes)[keyof typeof stateShapes] }): ReactNode {
  return (
    <g transform={`translate(11 ${nodeSize.height / 2 - 6})`} className="workflow-node-sign">
      {shape === 'done' && <circle cx="6" cy="6" r="4.6" className="workflow-filled" />}
      {shape === 'waiting' && <circle cx="6" cy="6" r="4" />}
      {shape === 'running' && (
        <>
          <circle cx="6" cy="6" r="4.2" />
          <circle cx="6" cy="6" r="1.8" className="workflow-filled" />
        </>
      )}
      {shape === 'failed' && <path d="m2.5 2.5 7 7M9.5 2.5l-7 7" />}
      {shape === 'stopped' && <path d="M2 6h8" />}
    </g>
  )
}
