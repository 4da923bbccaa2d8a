import { text } from 'node:stream/consumers'
import { findOpenRun } from '../../kinds/run/find.ts'
import { jobRunId } from '../../kinds/run/job-run.ts'
import { logTo } from '../../kinds/run/log.ts'
import { isProgramToken } from '../../kinds/run/program.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { limits } from '../../lib/limits.ts'
import type { CompatRequest, CompatRoute, CompatSite } from '../site.ts'
import { parseExposition, type Sample } from './exposition.ts'

const path = '/pushgateway/:token/metrics/job/*'

const routes: readonly CompatRoute[] = [
  { method: 'PUT', path, bytes: true, maxBodyBytes: limits.jsonBodyBytes, handler: push },
  { method: 'POST', path, bytes: true, maxBodyBytes: limits.jsonBodyBytes, handler: push },
]

/**
 * What a Pushgateway of Prometheus takes (https://github.com/prometheus/pushgateway), for the metrics of
 * `gradient_utils`: what the program of a job pushes goes into its run. Its client knows no headers, so the key of the
 * job stands in the address that it was given; no other key is taken there.
 */
export const pushgatewaySite: CompatSite = {
  name: 'pushgateway',
  prefixes: ['/pushgateway/'],
  routes,
  keyIn: ({ token = '' }) => (isProgramToken(token) ? token : undefined),
  errorBody: (error) => ({
    status: error.status,
    body: { status: 'error', error: `${error.message} ${error.hint}`.trim() },
  }),
}

async function push({ caller, upload }: CompatRequest, deps: Deps) {
  if (caller.jobId === undefined)
    throw new AppError('forbidden', { action: 'push metrics with a key that is no job’s' })
  const samples = parseExposition(await text(upload))
  const run = await findOpenRun(deps, caller, jobRunId(caller.jobId))
  const now = deps.clock.now()
  const points = samples.filter(isValue).map((sample) => ({
    name: sample.name,
    step: stepOf(sample),
    at: sample.at ?? now,
    value: sample.value,
  }))
  await logTo(deps, run, { points, params: new Map(), labels: new Map() })
  return { json: {} }
}

/** Parts of histograms and summaries are no values of their own, and neither is when a counter was made. */
const isValue = ({ name, labels }: Sample): boolean =>
  !labels.has('le') && !labels.has('quantile') && !name.endsWith('_created')

/** `gradient_utils` writes `None` for what has no step. */
function stepOf({ labels }: Sample): number {
  const step = Number(labels.get('step') ?? 0)
  return Number.isSafeInteger(step) ? step : 0
}
