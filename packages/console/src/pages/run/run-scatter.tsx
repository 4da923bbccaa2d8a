import type { Run } from '@nabla/api/run'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useMemo } from 'react'
import { formatNumber } from '../../parts/chart.tsx'
import { plural } from '../../parts/format.ts'
import type { ScatterPoint } from '../../parts/scatter-points.ts'
import { ScatterPlot } from '../../parts/scatter-plot.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { type AxisValue, makeAxis } from '../../parts/value-axis.ts'
import { FieldSelect, useFieldOptions } from './field-select.tsx'
import { type Field, type FieldId, differingParams, readField, valueOfField } from './run-fields.ts'
import type { RunNames } from './run-source.ts'
import { looksOf } from './run-look.ts'

/** Runs as points by two of their parameters and metrics. */
export function RunScatter({ runs, names }: { runs: readonly Run[]; names: RunNames }): ReactNode {
  const options = useFieldOptions(names)
  const usual = useMemo(() => usualFields(runs, names), [runs, names])
  const [across, setAcross] = useUrlState('across', usual[0])
  const [up, setUp] = useUrlState('up', usual[1])
  const navigate = useNavigate()
  const drawn = useMemo(() => draw(runs, across, up), [runs, across, up])
  const byId = useMemo(() => new Map(runs.map((run) => [run.id, run])), [runs])
  return (
    <div className="stack">
      <div className="run-selects">
        <FieldSelect label="Up" options={options} value={up} onChange={setUp} />
        <FieldSelect label="Across" options={options} value={across} onChange={setAcross} />
      </div>
      {drawn === undefined || drawn.points.length === 0 ? (
        <EmptyState title="No run has both. Choose others." />
      ) : (
        <div className="panel panel-body">
          <ScatterPlot
            label={`${drawn.y.label} over ${drawn.x.label}`}
            {...drawn}
            describe={(point) => <Tip run={byId.get(point.id)!} fields={drawn.fields} />}
            onOpen={({ id }) => void navigate({ to: `/runs/${id}` as never })}
          />
        </div>
      )}
      {drawn && drawn.points.length < runs.length && (
        <p className="muted">{plural(runs.length - drawn.points.length, 'run')} without a number or word for both.</p>
      )}
    </div>
  )
}

function Tip({ run, fields }: { run: Run; fields: readonly Field[] }): ReactNode {
  return (
    <>
      <strong dir="auto">{run.name}</strong>
      {fields.map((field) => (
        <div key={field.name} className="number">
          <span className="muted">{field.name}</span> {say(valueOfField(run, field))}
        </div>
      ))}
    </>
  )
}

const say = (value: AxisValue): string => (typeof value === 'number' ? formatNumber(value) : (value ?? '–'))

function draw(runs: readonly Run[], across: FieldId, up: FieldId) {
  const [fieldX, fieldY] = [readField(across), readField(up)]
  if (!fieldX || !fieldY) return undefined
  const [xs, ys] = [fieldX, fieldY].map((field) => runs.map((run) => valueOfField(run, field))) as [
    AxisValue[],
    AxisValue[],
  ]
  const x = { label: fieldX.name, axis: makeAxis(xs, formatNumber) }
  const y = { label: fieldY.name, axis: makeAxis(ys, formatNumber) }
  const looks = looksOf(runs.map(({ id }) => id))
  const points = runs.flatMap(({ id }, row): ScatterPoint[] => {
    const [left, top] = [x.axis.place(xs[row]), y.axis.place(ys[row])]
    return left === undefined || top === undefined ? [] : [{ id, x: left, y: top, color: looks.get(id)?.color ?? 0 }]
  })
  return { x, y, points, fields: [fieldY, fieldX] }
}

/** A parameter that differs across, and a metric up; or two metrics. */
function usualFields(runs: readonly Run[], names: RunNames): [FieldId, FieldId] {
  const [param] = differingParams(runs)
  const [first = '', second = first] = names.metrics
  return [param === undefined ? `metrics.${second}` : `params.${param}`, `metrics.${first}`]
}
