import { Button } from '@mantine/core'
import type { Run } from '@nabla/api/run'
import { Link, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useMemo, useState } from 'react'
import { formatNumber } from '../../parts/chart.tsx'
import { formatCount, plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { readBrushes, rowsWithin, writeBrushes } from '../../parts/parallel-brush.ts'
import { ParallelCoordinates } from '../../parts/parallel-coordinates.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { makeAxis } from '../../parts/value-axis.ts'
import { FieldsSelect, useFieldOptions } from './field-select.tsx'
import { compareRunsAddress } from './run-actions.ts'
import { differingParams, readField, readIds, valueOfField } from './run-fields.ts'
import type { RunNames } from './run-source.ts'

/** Axes that fit beside each other by themselves. */
const usualAxes = 6
/** Runs that are named below, and compared. */
const mostNamed = 8
const mostCompared = 50

/** Runs as lines across parameters and metrics; what is kept on the axes leaves the runs that go through there. */
export function RunParallel({ runs, names }: { runs: readonly Run[]; names: RunNames }): ReactNode {
  const options = useFieldOptions(names)
  const [text, setText] = useUrlState('axes')
  const [brushText, setBrushes] = useUrlState('brush')
  const [marked, setMarked] = useState<number>()
  const navigate = useNavigate()
  const ids = useMemo(() => (text === '' ? usualFields(runs, names) : readIds(text)), [text, runs, names])
  const brushes = useMemo(() => readBrushes(brushText), [brushText])
  const axes = useMemo(() => ids.flatMap((id) => axisOf(id, runs)), [ids, runs])
  const rows = useMemo(() => rowsWithin(axes, brushes, runs.length), [runs, axes, brushes])
  const kept = useMemo(() => rows.flatMap((row) => (runs[row] ? [{ run: runs[row], row }] : [])), [rows, runs])
  const isBrushed = Object.keys(brushes).length > 0
  return (
    <div className="stack">
      <FieldsSelect
        label="Axes"
        options={options}
        value={ids}
        onChange={(next) => setText(next.map(encodeURIComponent).join(','))}
      />
      {axes.length < 2 ? (
        <EmptyState title="Choose two axes or more." />
      ) : (
        <div className="panel">
          <ParallelCoordinates
            axes={axes}
            count={runs.length}
            kept={rows}
            colorBy={axes.at(-1)?.id}
            brushes={brushes}
            onBrush={(next) => setBrushes(writeBrushes(next))}
            marked={marked}
          />
        </div>
      )}
      <div className="row run-kept">
        <span aria-live="polite">
          <strong className="number">{formatCount(kept.length)}</strong>{' '}
          <span className="muted">
            of {plural(runs.length, 'run')}
            {isBrushed ? ' go through what is kept' : '. Drag along an axis to keep a part of it'}
          </span>
        </span>
        <span className="grow" />
        {isBrushed && <Button onClick={() => setBrushes('')}>Keep all</Button>}
        <Button
          leftSection={<Icon name="columns" size={14} />}
          disabled={kept.length < 2 || kept.length > mostCompared}
          title={kept.length > mostCompared ? `Keep at most ${mostCompared} to compare them.` : undefined}
          onClick={() => void navigate({ to: compareRunsAddress(kept.map(({ run }) => run.id)) as never })}
        >
          Compare
        </Button>
      </div>
      <Kept kept={kept} onMark={setMarked} />
    </div>
  )
}

function Kept(props: {
  kept: readonly { run: Run; row: number }[]
  onMark: (row: number | undefined) => void
}): ReactNode {
  const { kept, onMark } = props
  return (
    <ul className="run-names" aria-label="Runs that are kept">
      {kept.slice(0, mostNamed).map(({ run, row }) => (
        <li key={run.id} onPointerEnter={() => onMark(row)} onPointerLeave={() => onMark(undefined)}>
          <Link to={`/runs/${run.id}` as never} dir="auto" onFocus={() => onMark(row)} onBlur={() => onMark(undefined)}>
            {run.name}
          </Link>
        </li>
      ))}
      {kept.length > mostNamed && <li className="faint">and {formatCount(kept.length - mostNamed)} more</li>}
    </ul>
  )
}

function axisOf(id: string, runs: readonly Run[]) {
  const field = readField(id)
  if (!field) return []
  const values = runs.map((run) => valueOfField(run, field))
  return [{ id, label: field.name, values, axis: makeAxis(values, formatNumber) }]
}

/** Parameters that differ, and the first metric at the end. */
function usualFields(runs: readonly Run[], names: RunNames): string[] {
  const params = differingParams(runs).slice(0, usualAxes - 1)
  const metrics = names.metrics.slice(0, Math.max(1, 3 - params.length))
  return [...params.map((name) => `params.${name}`), ...metrics.map((name) => `metrics.${name}`)]
}
