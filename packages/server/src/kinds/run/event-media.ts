import { Readable } from 'node:stream'
import type { Deps } from '../../deps.ts'
import { endingOf, type EventMedia } from '../../formats/event-records.ts'
import { AppError } from '../../lib/app-error.ts'
import type { Task } from '../../tasks/task.ts'
import { write } from '../../volumes/folder.ts'
import { jobRunId } from './job-run.ts'

/** Records up to this size are read whole; a larger image is passed over. */
export const mostRecordBytes = 8 * 2 ** 20

/** What one task may have kept of its event files: whoever logs more has it in TensorBoard. */
const most = { files: 5000, bytes: 512 * 2 ** 20 }

/** What has been kept of a task so far. */
export interface KeptMedia {
  files: number
  bytes: number
}

const folders = { image: 'images', text: 'texts', histogram: 'histograms' } as const

/**
 * Keeps images, texts and histograms of event files among the artifacts of the job, below `runs/` and the id of its run,
 * by the names that MLflow gives to what is logged at a step: all who show the one show the other. What is read twice
 * has the same name.
 */
export async function keepMedia(
  deps: Deps,
  task: Task,
  kept: KeptMedia,
  prefix: string,
  media: readonly EventMedia[],
): Promise<void> {
  const root = media.length === 0 ? undefined : await artifactsOf(deps, task)
  if (root === undefined) return
  for (const one of media) {
    if (kept.files >= most.files || kept.bytes >= most.bytes) return
    const path = `runs/${jobRunId(task.ownerId)}/${folders[one.kind]}/${nameOf(prefix + one.tag, one)}`
    try {
      await write(root, path, Readable.from([one.body]))
    } catch (error) {
      // Its program may have put something else where the file would go.
      if (!(error instanceof AppError) || error.code === 'disk_full') throw error
      continue
    }
    kept.files += 1
    kept.bytes += one.body.length
    if (kept.files < most.files && kept.bytes < most.bytes) continue
    const text = `Event files of TensorBoard: ${kept.files} images, texts and histograms are kept; later ones are not.`
    await deps.logs.note(task.ownerId, task.attempt, text)
  }
}

/** As `mlflow.log_image` does it, with another sign for a slash (mlflow/tracking/client.py). */
function nameOf(tag: string, { kind, step, at, body }: EventMedia): string {
  const safe = tag
    // Writers of texts put this behind the name.
    .replace(/\/text_summary$/, '')
    .replaceAll('/', '#')
    .replaceAll(/[^\p{L}\p{N}#._ -]/gu, '_')
    .slice(0, 150)
  const ending = kind === 'image' ? endingOf(body) : kind === 'text' ? 'md' : 'histogram.json'
  return `${safe}%step%${Math.max(0, step)}%timestamp%${at}%events.${ending}`
}

async function artifactsOf(deps: Deps, task: Task): Promise<string | undefined> {
  const row = await deps.db
    .selectFrom('jobs')
    .innerJoin('volumes', 'volumes.id', 'jobs.artifactsId')
    .select('jobs.artifactsId')
    .where('jobs.id', '=', task.ownerId)
    .where('volumes.deletedAt', 'is', null)
    .executeTakeFirst()
  return row && deps.volumes.volumeDir(row.artifactsId)
}
