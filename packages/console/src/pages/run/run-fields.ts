import type { Run } from '@nabla/api/run'
import { numberOf } from '@nabla/api/run-states'
import type { AxisValue } from '../../parts/value-axis.ts'

/** What a run has a value of: `metrics.loss`, `params.lr`, `labels.host`, or a word of `attributes`. */
export type FieldId = string

export interface Field {
  kind: 'metrics' | 'params' | 'labels' | 'attribute'
  name: string
}

/** What every run has: the word in the address, its title, and what the API orders by. */
export const attributes = {
  state: { title: 'State', order: 'attributes.status' },
  started: { title: 'Started', order: 'attributes.start_time' },
  took: { title: 'Took', order: undefined },
  job: { title: 'Job', order: undefined },
  project: { title: 'Project', order: undefined },
  experiment: { title: 'Experiment', order: undefined },
  source: { title: 'Source', order: undefined },
  by: { title: 'By', order: undefined },
  tags: { title: 'Tags', order: undefined },
  id: { title: 'Id', order: undefined },
} as const

export type Attribute = keyof typeof attributes

export const isAttribute = (name: string): name is Attribute => Object.hasOwn(attributes, name)

/** Takes the id of a field apart; undefined if it is none. */
export function readField(id: FieldId): Field | undefined {
  const [, kind, name] = /^(metrics|params|labels)\.(.+)$/s.exec(id) ?? []
  if (kind !== undefined && name !== undefined) return { kind: kind as Field['kind'], name }
  return isAttribute(id) ? { kind: 'attribute', name: id } : undefined
}

/** Reads ids of fields that stand in the address with commas between; what is none is left out. */
export function readIds(text: string): string[] {
  return text.split(',').flatMap((word) => {
    try {
      const id = decodeURIComponent(word)
      return readField(id) ? [id] : []
    } catch {
      return []
    }
  })
}

/** A field as the language of the search names it: names with other signs than letters stand between backquotes. */
export function inQuery({ kind, name }: Field): string {
  const word = kind === 'labels' ? 'tags' : kind
  return `${word}.${/^[A-Za-z_]\w*$/.test(name) ? name : `\`${name}\``}`
}

/** What a run has of a field, for axes: numbers where the text is one. */
export function valueOfField(run: Run, field: Field): AxisValue {
  if (field.kind === 'metrics') {
    const metric = run.metrics[field.name]
    return metric === undefined ? undefined : numberOf(metric.value)
  }
  if (field.kind === 'attribute') return field.name === 'state' ? run.state : undefined
  const text = field.kind === 'params' ? run.params[field.name] : run.labels[field.name]
  return text === undefined ? undefined : asNumber(text)
}

/** The labels of a run but its note, which has a place of its own. */
export function labelsOf({ labels }: Run): Record<string, string> {
  const { 'mlflow.note.content': _note, ...others } = labels
  return others
}

/** Parameters that are not the same in all of these runs, in order of their names. */
export function differingParams(runs: readonly Run[]): string[] {
  const names = new Set(runs.flatMap(({ params }) => Object.keys(params)))
  return [...names].filter((name) => runs.some(({ params }) => params[name] !== runs[0]!.params[name])).sort()
}

/** Names of what these runs have, in order. */
export function namesOf(runs: readonly Run[], kind: 'metrics' | 'params' | 'labels'): string[] {
  return [...new Set(runs.flatMap((run) => Object.keys(run[kind])))].sort()
}

function asNumber(text: string): number | string {
  const number = Number(text)
  return text.trim() !== '' && Number.isFinite(number) ? number : text
}

/** The filter by which the runs that belong to a run are found: nested ones, folds, trials. */
export const childrenFilter = (id: string): string => `tags.mlflow.parentRunId = '${id}'`
