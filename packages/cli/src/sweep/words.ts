import type { ParameterValue } from '@nabla/api/search-space'
import { amountText } from '@nabla/api/sweep-views'
import type { Sweep, Trial } from '@nabla/api/sweep'
import { signOf } from '../experiment/words.ts'

/** Sentences about sweeps and their trials. */

/** A number with as many digits as tell trials apart. */
export const figure = (value: number): string => String(Number(value.toPrecision(5)))

export const valueText = (value: ParameterValue): string => (typeof value === 'number' ? figure(value) : String(value))

export function valuesText(values: Trial['values']): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(' ')
}

export function objectivesText({ objectives }: Pick<Trial, 'objectives'>): string {
  if (objectives === null) return ''
  return Object.entries(objectives)
    .map(([metric, value]) => `${metric} ${figure(value)}`)
    .join(', ')
}

const signs: Record<Trial['state'], string> = { running: '●', complete: '✔', stopped: '■', failed: '✖' }

/** A trial that has ended, on one line. */
export function trialLine(trial: Trial, { best }: Pick<Sweep, 'best'>): string {
  const isBest = best.some(({ number }) => number === trial.number)
  const what = trial.state === 'failed' ? (trial.reason ?? 'failed') : objectivesText(trial)
  return `${signs[trial.state]} trial ${trial.number}  ${what}${isBest ? '  best' : ''}  ${valuesText(trial.values)}`
}

/** Which sweep, and how far it is. */
export const progressLine = (sweep: Sweep): string =>
  `${signOf(sweep.state)} ${sweep.name} ${sweep.state} · ${progressOf(sweep)}`

/** How far a sweep is, in parts. */
export function progressOf({ trials, paused, cost, search }: Sweep): string {
  const { complete, stopped, failed, running, most } = trials
  const limit = search.costLimit === null ? '' : ` of ${amountText(search.costLimit)}`
  const parts = [
    `${complete + stopped + failed} of ${most} trials`,
    ...(stopped > 0 ? [`${stopped} stopped early`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(running > 0 ? [`${running} running`] : []),
    ...(cost === null ? [] : [`${amountText(cost.spent)}${limit} spent`]),
    ...(paused ? ['paused'] : []),
  ]
  return parts.join(' · ')
}
