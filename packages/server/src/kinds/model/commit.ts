import type { ModelSource, ModelVersion } from '@nabla/api/model'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { AppError } from '../../lib/app-error.ts'
import { stat } from '../../volumes/folder.ts'
import { artifactsOf } from '../artifact.ts'
import { findJob } from '../job/view.ts'
import type { Caller } from '../kind.ts'
import { ensureProject } from '../project.ts'
import { ensureModel, insertVersion, type TakenFrom } from './insert.ts'
import { emptyLineage, lineageOfJob } from './lineage.ts'
import { toModelVersion } from './view.ts'

interface Asked {
  source: ModelSource
  type?: string | undefined
  notes: string
  project?: string | undefined
  aliases: readonly string[]
  metrics: ModelVersion['metrics']
}

/** Stores a version; its files are taken in and read by the control loop. */
export async function commitModelVersion(
  deps: Deps,
  caller: Caller,
  reference: string,
  { source, project, ...body }: Asked,
): Promise<ModelVersion> {
  if (deps.ballast.isReleased) throw new AppError('disk_full')
  const from = await checkSource(deps, caller, source)
  const now = deps.clock.now()
  const row = await change(deps, async (trx) => {
    const projectId = project === undefined ? undefined : (await ensureProject(trx, caller, project, now)).id
    const model = await ensureModel(trx, caller, reference, now, projectId ?? from.lineage.project?.id ?? null)
    return insertVersion(trx, caller, model, { ...body, from }, now)
  })
  deps.loop.wake(row.id)
  return toModelVersion(deps.db, row)
}

async function checkSource(deps: Deps, caller: Caller, source: ModelSource): Promise<TakenFrom> {
  if (source.from === 'tree') return { text: 'files that were sent', digest: source.digest, lineage: emptyLineage }
  const job = await findJob(deps, caller, source.job)
  if (job.endedAt === null) {
    throw new AppError('conflict', { detail: `Job ${job.name} has not ended: what it leaves may still change.` })
  }
  const { root, id: volumeId } = await artifactsOf(deps, caller, job.id)
  await stat(root, source.path)
  const text = `job:${job.name}/${source.path}`
  return { text, volumeId, path: source.path, jobId: job.id, lineage: await lineageOfJob(deps.db, job) }
}
