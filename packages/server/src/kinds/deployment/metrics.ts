import { deploymentSeries, type DeploymentSeries } from '@nabla/api/deployment'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import type { Handlers, StreamItem } from '../kind.ts'
import { resumeAt, toMetricRange, toRangeQuery, toTickEvent } from '../metric-query.ts'
import { readRevision } from './stored.ts'
import { findDeployment, findInstance, findRevision } from './view.ts'

/** What is measured of the requests of a deployment, and of its instances. */
export const deploymentMetricHandlers: Pick<Handlers<'deployment'>, 'metrics' | 'followMetrics' | 'instanceMetrics'> = {
  async metrics({ caller, params, query }, deps) {
    const { id } = await findDeployment(deps, caller, params.deployment)
    const { series, ...rest } = query
    const range = await deps.measurements.read(id, {
      ...toRangeQuery(rest, 'task'),
      ...(series === undefined ? {} : { names: namesOf(series) }),
    })
    const { from, to, intervalMs } = range
    return {
      from: from === null ? null : toIso(from),
      to: to === null ? null : toIso(to),
      intervalMs,
      series: range.series.map((one) => ({ ...one, unit: unitOf(one.name), limit: null })),
    }
  },

  async followMetrics({ caller, params, query, headers, signal }, deps) {
    const { id } = await findDeployment(deps, caller, params.deployment)
    const after = resumeAt(headers['last-event-id'], query.after)
    const ticks = deps.measurements.follow(id, {
      ...(after !== undefined && { after }),
      signal,
      hasEnded: () => isGone(deps, id),
    })
    return { events: toEvents(ticks) }
  },

  async instanceMetrics({ caller, params, query }, deps) {
    const deployment = await findDeployment(deps, caller, params.deployment)
    const row = await findInstance(deps, deployment, params.instance)
    const { resources } = readRevision(await findRevision(deps.db, row.deploymentId, row.revision)).task.request
    const given = new Map([
      ['cpu', resources.cpus],
      ['memory', resources.memoryBytes],
      ['memoryPeak', resources.memoryBytes],
    ])
    const range = await deps.measurements.read(row.id, toRangeQuery(query, 'task'))
    return toMetricRange(range, ({ name }) => given.get(name) ?? null)
  },
}

function namesOf(text: string): Set<string> {
  const names = text.split(',').map((name) => name.trim())
  const known = Object.keys(deploymentSeries)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown === undefined) return new Set(names)
  throw new AppError('invalid', { detail: `There is no series ${JSON.stringify(unknown)}, only ${known.join(', ')}.` })
}

const unitOf = (name: string): string | null =>
  Object.hasOwn(deploymentSeries, name) ? deploymentSeries[name as DeploymentSeries].unit : null

async function isGone({ db }: Pick<Deps, 'db'>, id: string): Promise<boolean> {
  const row = await db.selectFrom('deployments').select('deletedAt').where('id', '=', id).executeTakeFirst()
  return !row || row.deletedAt !== null
}

async function* toEvents(ticks: AsyncIterable<Parameters<typeof toTickEvent>[0]>): AsyncGenerator<StreamItem> {
  for await (const tick of ticks) yield toTickEvent(tick)
}
