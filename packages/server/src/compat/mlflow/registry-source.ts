import type { ModelLineage, ModelVersion } from '@nabla/api/model'
import type { Deps } from '../../deps.ts'
import type { Caller } from '../../kinds/kind.ts'
import type { TakenFrom } from '../../kinds/model/insert.ts'
import { assertReady, resolveModel } from '../../kinds/model/find.ts'
import { emptyLineage, lineageOfJob } from '../../kinds/model/lineage.ts'
import { metricsOfRun } from '../../kinds/model/measured.ts'
import { findLoggedModel, trackedFiles } from '../../kinds/run/files.ts'
import { findRun } from '../../kinds/run/find.ts'
import { AppError } from '../../lib/app-error.ts'
import { stat } from '../../volumes/folder.ts'

/** Where a version is made from, and what its run came to. */
export interface RegistrySource {
  from: TakenFrom
  metrics: ModelVersion['metrics']
  projectId: string | null
}

/**
 * What a source of MLflow's registry means here: files of a run, of a model that was logged, or of another version.
 * Addresses of other stores are refused: the server fetches nothing for a client by an address of its choice. Throws
 * AppError `invalid`, `not_found` and `file_not_found`.
 */
export async function findSource(
  deps: Deps,
  caller: Caller,
  { source, runId, modelId }: { source: string; runId: string | undefined; modelId: string | undefined },
): Promise<RegistrySource> {
  const place = parseSource(source)
  if (place.of === 'version') {
    const { model, version } = await resolveModel(deps.db, caller.teamId, place.reference)
    const { digest, lineage, metrics } = assertReady(model, version)
    const from = { text: `${model.name}:${version.version}`, digest, lineage: JSON.parse(lineage) as ModelLineage }
    return { from, metrics: JSON.parse(metrics) as ModelVersion['metrics'], projectId: model.projectId }
  }
  const { volumeId, root, prefix } = await trackedFiles(deps, caller, place.owner)
  const path = `${prefix}${place.path}`.replace(/\/+$/, '')
  await stat(root, path)
  const logged = modelId ?? (place.owner.startsWith('m-') ? place.owner : undefined)
  const ofModel = logged === undefined ? undefined : await findLoggedModel(deps, caller, logged)
  const ofRun = runId ?? ofModel?.runId ?? (place.owner.startsWith('m-') ? undefined : place.owner)
  const made = await lineageOf(deps, caller, ofRun)
  const from = { text: source.slice(0, 500), volumeId, path, runId: ofRun ?? null, jobId: made.lineage.job?.id ?? null }
  return {
    from: { ...from, lineage: made.lineage },
    metrics: made.metrics,
    projectId: made.lineage.project?.id ?? null,
  }
}

type Place = { of: 'files'; owner: string; path: string } | { of: 'version'; reference: string }

function parseSource(source: string): Place {
  const logged = /^models:\/(m-[0-9a-f]+)(?:\/(.*))?$/.exec(source)
  if (logged) return { of: 'files', owner: logged[1]!, path: logged[2] ?? '' }
  const version = /^models:\/([^/@]+)(?:\/|@)([^/]+)$/.exec(source)
  if (version) {
    const sign = source.includes('@') ? '@' : ':'
    return { of: 'version', reference: `${version[1]}${sign}${version[2]}` }
  }
  const files = /^(?:mlflow-artifacts:(?:\/\/[^/]*)?\/+|runs:\/+)([^/]+)\/?(.*)$/.exec(source)
  if (!files) throw new AppError('invalid', { detail: 'The source is not among the files of this server.' })
  const [, owner = '', path = ''] = files
  if (owner.startsWith('mv')) return { of: 'version', reference: owner }
  return { of: 'files', owner, path: path.replace(/\/+$/, '') }
}

async function lineageOf(deps: Deps, caller: Caller, runId: string | undefined) {
  if (runId === undefined) return { lineage: emptyLineage, metrics: [] }
  const run = await findRun(deps, caller, runId)
  const job =
    run.jobId === null
      ? undefined
      : await deps.db.selectFrom('jobs').selectAll().where('id', '=', run.jobId).executeTakeFirst()
  const project = await deps.db
    .selectFrom('projects')
    .select(['id', 'name'])
    .where('id', '=', run.projectId)
    .executeTakeFirst()
  const lineage = job
    ? await lineageOfJob(deps.db, job, run.id)
    : { ...emptyLineage, run: run.id, project: project ?? null }
  return { lineage, metrics: await metricsOfRun(deps, run.id) }
}
