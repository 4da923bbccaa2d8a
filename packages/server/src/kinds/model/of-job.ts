import type { JobSpec } from '@nabla/api/job'
import type { JobRow } from '../../db/tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { ensureModel, insertVersion } from './insert.ts'
import { lineageOfJob } from './lineage.ts'

/** Makes a version of what a job that has succeeded left, where its spec asks for it, in the transaction of its end. */
export async function versionOfJob(trx: Trx, job: JobRow, spec: JobSpec, now: number): Promise<void> {
  const wanted = spec.model
  if (wanted === null) return
  const { teamId, createdBy: userId } = job
  const maker = { teamId, userId, userName: null }
  const model = await ensureModel(trx, maker, wanted.name, now, job.projectId)
  const lineage = await lineageOfJob(trx, job)
  const text = `job:${job.name}/${wanted.path}`
  const from = { text, volumeId: job.artifactsId, path: wanted.path, jobId: job.id, lineage }
  await insertVersion(trx, maker, model, { type: wanted.type, from }, now)
}
