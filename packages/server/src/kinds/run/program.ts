import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { looksLikeId } from '../../lib/ids.ts'
import type { SecretBox } from '../../lib/secret-box.ts'
import type { Task } from '../../tasks/task.ts'
import type { Caller } from '../kind.ts'
import { jobRunId } from './job-run.ts'

/**
 * Variables for the program of a job, so that it tracks itself without any set-up: where MLflow's client and the
 * metrics of Gradient's find the server, with which key, and which run is its own. Nothing for other tasks, and for
 * those that have no way to the server. The key is not hidden in logs, since whoever reads them can do more
 * than it: hiding costs a search in every line.
 */
export async function programEnv(deps: Deps, task: Task): Promise<Record<string, string>> {
  if (!looksLikeId('job', task.ownerId)) return {}
  const url = await addressFor(deps, task.engine)
  if (url === null) return {}
  const token = programToken(deps.box, task.ownerId)
  return {
    MLFLOW_TRACKING_URI: url,
    MLFLOW_TRACKING_TOKEN: token,
    MLFLOW_RUN_ID: jobRunId(task.ownerId),
    MLFLOW_EXPERIMENT_ID: task.request.projectId,
    PAPERSPACE_METRIC_PUSHGATEWAY: `${url}/pushgateway/${token}`,
    PAPERSPACE_METRIC_WORKLOAD_ID: task.ownerId,
    PAPERSPACE_METRIC_WORKLOAD_TYPE: 'job',
  }
}

/** The key that the program of a job has. It is made of the id of the job, so it need not be kept. */
export const programToken = (box: Pick<SecretBox, 'derive'>, jobId: string): string =>
  `nablajob_${jobId}_${macOf(box, jobId)}`

/** Whether a key has the form of one of these. */
export const isProgramToken = (text: string): boolean => text.startsWith('nablajob_')

/**
 * Who such a key speaks for: the one who started the job, in its team, as long as it has not ended. It is good for
 * tracking and registering only (`http/guard.ts`). Throws AppError `unauthenticated`.
 */
export async function callerOfProgram({ db, box }: Pick<Deps, 'db' | 'box'>, token: string): Promise<Caller> {
  const [, jobId = '', mac = ''] = /^nablajob_(j[0-9a-z]{16})_([0-9a-f]{40})$/.exec(token) ?? []
  if (mac === '' || !timingSafeEqual(Buffer.from(mac), Buffer.from(macOf(box, jobId)))) {
    throw new AppError('unauthenticated')
  }
  const found = await db
    .selectFrom('jobs')
    .innerJoin('members', (join) =>
      join.onRef('members.teamId', '=', 'jobs.teamId').onRef('members.userId', '=', 'jobs.createdBy'),
    )
    .innerJoin('users', 'users.id', 'jobs.createdBy')
    .innerJoin('teams', 'teams.id', 'jobs.teamId')
    .select(['users.id as userId', 'users.name as userName'])
    .select(['teams.id as teamId', 'teams.name as teamName'])
    .where('jobs.id', '=', jobId)
    .where('jobs.endedAt', 'is', null)
    .where('jobs.deletedAt', 'is', null)
    .executeTakeFirst()
  if (!found) throw new AppError('unauthenticated')
  return { ...found, role: 'member', keyId: null, sessionId: null, jobId }
}

const macOf = (box: Pick<SecretBox, 'derive'>, jobId: string): string =>
  createHmac('sha256', box.derive('keys of the programs of jobs')).update(jobId).digest('hex').slice(0, 40)

/** Tasks that share the network of the machine find the server as people do; others by a way of their own, if any. */
async function addressFor({ config, reach, engines }: Deps, name: string): Promise<string | null> {
  const own = await engines.get(name)?.serverUrl?.()
  if (own) return own
  const everywhere = config.host === '0.0.0.0' || config.host === '::'
  const loopback = /^(localhost|127\.[\d.]+|::1)$/.test(config.host)
  if (own === null && (everywhere || loopback)) return null
  const host = everywhere ? '127.0.0.1' : config.host.includes(':') ? `[${config.host}]` : config.host
  return `http://${host}:${reach.port}`
}
