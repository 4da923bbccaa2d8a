import type { ParameterValue } from '@nabla/api/search-space'
import type { Trial, TrialState } from '@nabla/api/sweep'
import { formatNumber } from '../../parts/chart.tsx'
import type { Shape } from '../../parts/state-badge.tsx'

export const trialShapes: Record<TrialState, Shape> = {
  running: 'running',
  complete: 'done',
  stopped: 'stopped',
  failed: 'failed',
}

/** Place in the palette of points and bars: the last is grey. */
export const trialColors: Record<TrialState, number> = { complete: 0, running: 1, failed: 3, stopped: 7 }

export const valueText = (value: ParameterValue | undefined): string =>
  value === undefined ? '–' : typeof value === 'number' ? formatNumber(value) : String(value)

/** `rate 0.01, layers 4`. */
export const valuesText = (values: Trial['values']): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${valueText(value)}`)
    .join(', ')
