import type { Db } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { limits } from '../../lib/limits.ts'
import { findJob } from '../job/view.ts'
import type { Caller } from '../kind.ts'
import { findProject } from '../project.ts'
import { parseFilter } from './filter.ts'
import { type RunChoice, selectRuns } from './select.ts'

/** What a request names, by name or id. */
export interface NamedChoice {
  project?: string | undefined
  experiment?: string | undefined
  job?: string | undefined
  filter?: string | undefined
}

/** Looks up what is named. Throws AppError `not_found` and `bad_filter`. */
export async function chooseRuns(deps: { db: Db }, caller: Caller, named: NamedChoice): Promise<RunChoice> {
  const { db } = deps
  const choice: RunChoice = { conditions: parseFilter(named.filter ?? '') }
  if (named.project !== undefined) choice.projectIds = [(await findProject(db, caller.teamId, named.project)).id]
  const ofExperiment =
    named.experiment === undefined ? undefined : await jobsOfExperiment(db, caller.teamId, named.experiment)
  const job = named.job === undefined ? undefined : await findJob(deps, caller, named.job)
  const jobIds = job && ofExperiment ? ofExperiment.filter((id) => id === job.id) : job ? [job.id] : ofExperiment
  return jobIds ? { ...choice, jobIds: jobIds.length > 0 ? jobIds : ['none'] } : choice
}

/** Runs of the caller's team with these ids. Throws AppError `not_found` if one is not there. */
export async function chosenById(db: Db, caller: Caller, ids: readonly string[]): Promise<void> {
  const wanted = [...new Set(ids)]
  const rows = await selectRuns(db, caller.teamId, { deleted: 'all' })
    .select('runs.id')
    .where('runs.id', 'in', wanted)
    .execute()
  const found = new Set(rows.map(({ id }) => id))
  const missing = wanted.find((id) => !found.has(id))
  if (missing !== undefined) throw new AppError('not_found', { noun: 'run', id: missing })
}

async function jobsOfExperiment(db: Db, teamId: string, reference: string): Promise<string[]> {
  const experiments = await db
    .selectFrom('experiments')
    .select('id')
    .where('teamId', '=', teamId)
    .where((eb) => eb.or([eb('id', '=', reference), eb('name', '=', reference)]))
    .orderBy('createdAt', 'desc')
    .execute()
  const id = (experiments.find((one) => one.id === reference) ?? experiments[0])?.id
  if (id === undefined) throw new AppError('not_found', { noun: 'experiment', id: reference })
  const jobs = await db
    .selectFrom('jobs')
    .select('id')
    .where('experimentId', '=', id)
    .limit(limits.exportedRuns)
    .execute()
  return jobs.map((job) => job.id)
}
