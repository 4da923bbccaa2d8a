import type { SearchSpace } from '@nabla/api/search-space'
import type { Trial } from '@nabla/api/sweep'
import { type ContourPoint, contourOf, costOf, evenly, type Objective, valueOf } from '@nabla/api/sweep-views'
import { Select } from '@mantine/core'
import { type ReactNode, useCallback, useMemo } from 'react'
import { EmptyState } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { axisOfParameter, axisValue } from './axis.ts'
import { Sampled } from './sweep-slices.tsx'
import { type TrialPicture, TrialPlot } from './trial-plot.tsx'

const mostPoints = 2000
const [columns, rows] = [56, 36]

/** What the objective is likely to be over two parameters: stronger is better, and nothing where no trial is near. */
export function SweepContour(
  props: TrialPicture & {
    objective: Objective
    space: SearchSpace
    /** The most important first. */ names: readonly string[]
  },
): ReactNode {
  const { names, space } = props
  const [across, setAcross] = useUrlState('across', names[0] ?? '')
  const [up, setUp] = useUrlState('up', names[1] ?? '')
  if (names.length < 2) return <EmptyState title="A map takes two parameters; this sweep has one." />
  const known = (name: string, usual: string) => (Object.hasOwn(space, name) ? name : usual)
  const [one, other] = [known(across, names[0]!), known(up, names[1]!)]
  return (
    <div className="stack">
      <div className="sweep-selects">
        <Chosen label="Across" value={one} names={names} onChange={setAcross} />
        <Chosen label="Up" value={other} names={names} onChange={setUp} />
      </div>
      {one === other ? (
        <EmptyState title="Choose two different parameters." />
      ) : (
        <ContourMap key={`${one} ${other}`} {...props} across={one} up={other} />
      )}
    </div>
  )
}

function Chosen(props: { label: string; value: string; names: readonly string[]; onChange: (name: string) => void }) {
  const { label, value, names, onChange } = props
  return (
    <Select
      label={label}
      searchable
      data={[...names]}
      value={value}
      allowDeselect={false}
      onChange={(name) => name !== null && onChange(name)}
      className="sweep-select"
    />
  )
}

function ContourMap(
  props: TrialPicture & { objective: Objective; space: SearchSpace; across: string; up: string },
): ReactNode {
  const { objective, objectives, space, across, up, onOpen } = props
  const valued = useMemo(
    () => props.trials.filter((trial) => valueOf(trial, objective) !== undefined),
    [props.trials, objective],
  )
  const trials = useMemo(() => evenly(valued, mostPoints), [valued])
  const x = useMemo(() => ({ label: across, axis: axisOfParameter(space[across]!) }), [across])
  const y = useMemo(() => ({ label: up, axis: axisOfParameter(space[up]!) }), [up])
  const place = useCallback(
    (trial: Trial) => {
      const [left, level] = [x.axis.place(axisValue(trial.values[across])), y.axis.place(axisValue(trial.values[up]))]
      return left === undefined || level === undefined ? undefined : ([left, level] as const)
    },
    [x, y, across, up],
  )
  const shades = useMemo(() => {
    const points = trials.flatMap((trial): ContourPoint[] => {
      const found = place(trial)
      return found ? [[found[0], found[1], costOf(objective, valueOf(trial, objective) ?? 0)]] : []
    })
    return shadesOf(contourOf(points, columns, rows))
  }, [trials, place, objective])
  return (
    <>
      <div className="panel panel-body">
        <TrialPlot
          label={`${objective.metric} by ${across} and ${up}`}
          {...{ trials, objectives, onOpen, place, x, y, shades }}
        />
      </div>
      <p className="muted">
        The stronger, the better {objective.metric} is around there: a mean of the trials, the near ones weighing most.
      </p>
      {trials.length < valued.length && <Sampled shown={trials.length} of={valued.length} />}
    </>
  )
}

/** Costs as shades, by rank: one bad trial does not make all others alike. */
function shadesOf(grid: readonly (readonly (number | null)[])[]): (number | null)[][] {
  const sorted = grid
    .flat()
    .filter((cost) => cost !== null)
    .sort((a, b) => a - b)
  const ranks = new Map(sorted.map((cost, rank) => [cost, rank]))
  const most = Math.max(1, sorted.length - 1)
  return grid.map((cells) => cells.map((cost) => (cost === null ? null : 1 - (ranks.get(cost) ?? 0) / most)))
}
