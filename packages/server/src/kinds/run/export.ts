import { Readable } from 'node:stream'
import { csvLine } from '@nabla/api/csv'
import type { Run } from '@nabla/api/run'
import type { Db } from '../../deps.ts'
import { limits } from '../../lib/limits.ts'
import { readTracked, toRuns } from './view.ts'

/** Runs as CSV: a row each, with a column for every parameter, latest metric and label of any of them. */
export function exportRuns(db: Db, ids: readonly string[]): Readable {
  return Readable.from(lines(db, ids), { objectMode: false })
}

async function* lines(db: Db, ids: readonly string[]): AsyncGenerator<string> {
  const columns = await namesOf(db, ids)
  const heads = [
    ...fixed.map(([name]) => name),
    ...columns.params.map((name) => `params.${name}`),
    ...columns.metrics.map((name) => `metrics.${name}`),
    ...columns.labels.map((name) => `tags.${name}`),
  ]
  yield csvLine(heads)
  for (let from = 0; from < ids.length; from += limits.pageRows) {
    const runs = await toRuns(db, ids.slice(from, from + limits.pageRows))
    yield runs
      .map((run) =>
        csvLine([
          ...fixed.map(([, read]) => read(run)),
          ...columns.params.map((name) => own(run.params, name) ?? ''),
          ...columns.metrics.map((name) => String(own(run.metrics, name)?.value ?? '')),
          ...columns.labels.map((name) => own(run.labels, name) ?? ''),
        ]),
      )
      .join('')
  }
}

const own = <T>(values: Record<string, T>, name: string): T | undefined =>
  Object.hasOwn(values, name) ? values[name] : undefined

const fixed: [string, (run: Run) => string][] = [
  ['id', (run) => run.id],
  ['name', (run) => run.name],
  ['project', (run) => run.project.name],
  ['experiment', (run) => run.experiment?.name ?? ''],
  ['job', (run) => run.job?.id ?? ''],
  ['state', (run) => run.state],
  ['started', (run) => run.startedAt],
  ['ended', (run) => run.endedAt ?? ''],
  ['user', (run) => run.createdBy.name],
  ['tags', (run) => run.tags.join(' ')],
]

async function namesOf(db: Db, ids: readonly string[]) {
  const names = { params: new Set<string>(), metrics: new Set<string>(), labels: new Set<string>() }
  for (let from = 0; from < ids.length; from += limits.pageRows) {
    const tracked = await readTracked(db, ids.slice(from, from + limits.pageRows))
    for (const run of tracked.values()) {
      for (const kind of ['params', 'metrics', 'labels'] as const) {
        for (const name of Object.keys(run[kind])) names[kind].add(name)
      }
    }
  }
  const sorted = (kind: keyof typeof names) => [...names[kind]].sort().slice(0, limits.trackingColumns)
  return { params: sorted('params'), metrics: sorted('metrics'), labels: sorted('labels') }
}
