import type { ErrorCode } from '@nabla/api/errors'
import type { DatasetVersionRow } from '../../db/tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import { holdTree } from '../../trees/tree-rows.ts'
import { moveTags } from './move-tags.ts'
import { type Prepared, prepareVersion, type SoFar } from './prepare.ts'

/**
 * Prepares versions whose files are not there yet, a few at a time. What is under way is known to this process alone:
 * a server that starts finds what is to be done in the database, and begins it anew.
 */
export class Preparer {
  readonly #deps: Deps
  readonly #underWay = new Map<string, AbortController>()
  /** Versions that failed by no fault of the user's: how often, and when (steady) they are tried again. */
  readonly #retries = new Map<string, { failures: number; notBefore: number }>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * Begins what is to be prepared and gives up what has been deleted. To be called by whoever holds the lease of the
   * control loop. Answers with the work that it began, which never fails.
   */
  async tend(stopped: AbortSignal): Promise<Promise<void>[]> {
    const rows = await this.#deps.db
      .selectFrom('datasetVersions')
      .selectAll()
      .where('state', '=', 'preparing')
      .orderBy('createdAt')
      .orderBy('id')
      .limit(limits.planBatch)
      .execute()
    const wanted = new Set(rows.map(({ id }) => id))
    for (const [id, abort] of this.#underWay) if (!wanted.has(id)) abort.abort()
    for (const id of this.#retries.keys()) if (!wanted.has(id)) this.#retries.delete(id)
    const now = this.#deps.clock.steady()
    const due = rows.filter(
      ({ id }) => !this.#underWay.has(id) && (this.#retries.get(id)?.notBefore ?? -Infinity) <= now,
    )
    const begun = due.slice(0, Math.max(0, limits.preparedAtOnce - this.#underWay.size))
    return begun.map((row) => this.#begin(row, stopped))
  }

  async #begin(row: DatasetVersionRow, stopped: AbortSignal): Promise<void> {
    const abort = new AbortController()
    this.#underWay.set(row.id, abort)
    const signal = AbortSignal.any([abort.signal, stopped])
    const progress = this.#noteProgress(row)
    try {
      const prepared = await prepareVersion(this.#deps, row, signal, progress.tell)
      await progress.stop()
      await this.#finish(row, prepared)
    } catch (error) {
      await progress.stop()
      if (!signal.aborted) await this.#fail(row, error)
    } finally {
      this.#underWay.delete(row.id)
      // There is room for the next one.
      this.#deps.loop.wake(row.id)
    }
  }

  /** Writes down now and then how far it is. */
  #noteProgress(row: DatasetVersionRow): { tell: (soFar: SoFar) => void; stop(): Promise<void> } {
    const { clock, log } = this.#deps
    let notedAt = clock.steady()
    let noting: Promise<unknown> = Promise.resolve()
    return {
      tell: ({ files, sizeBytes }) => {
        if (clock.steady() - notedAt < limits.prepareNoteMs) return
        notedAt = clock.steady()
        noting = noting
          .then(() => this.#note(row, { files, sizeBytes }))
          .catch((error: unknown) => log.warn({ err: error, subject: row.id }, 'progress could not be noted'))
      },
      stop: async () => void (await noting),
    }
  }

  async #note(row: DatasetVersionRow, soFar: SoFar): Promise<void> {
    await change(this.#deps, async (trx) => {
      const { numUpdatedRows } = await stillPreparing(trx, row).set(soFar).executeTakeFirst()
      if (numUpdatedRows === 0n) return
      await record(trx, this.#deps, row, 'dataset.version_progress', { ...soFar })
    })
  }

  async #finish(row: DatasetVersionRow, { tree, leftOut }: Prepared): Promise<void> {
    const now = this.#deps.clock.now()
    const { digest, files, sizeBytes } = tree
    const jobs = await change(this.#deps, async (trx) => {
      const ended = { ...settled(toIso(now)), state: 'ready', reason: leftOut, digest, files, sizeBytes }
      const { numUpdatedRows } = await stillPreparing(trx, row).set(ended).executeTakeFirst()
      if (numUpdatedRows === 0n) return []
      if (!(await holdTree(trx, row.teamId, digest, now))) throw new AppError('busy', { detail: 'its tree is gone' })
      const { volumeId } = row
      await trx
        .updateTable('volumes')
        .set({ digest, treeDigest: digest, files, sizeBytes })
        .where('id', '=', volumeId)
        .execute()
      await moveTags(trx, row, JSON.parse(row.wantedTags) as string[])
      await trx.updateTable('jobDatasets').set({ digest }).where('versionId', '=', row.id).execute()
      await record(trx, this.#deps, row, 'dataset.version_ready', { digest, files, sizeBytes })
      return jobsOf(trx, row)
    })
    this.#retries.delete(row.id)
    for (const id of jobs) this.#deps.loop.wake(id)
  }

  async #fail(row: DatasetVersionRow, error: unknown): Promise<void> {
    const { clock, log } = this.#deps
    const failures = (this.#retries.get(row.id)?.failures ?? 0) + 1
    const isOurs = !(error instanceof AppError) || machineFaults.has(error.code)
    if (isOurs) log.error({ err: error, subject: row.id, failures }, 'could not prepare a version')
    if (isOurs && failures < limits.prepareTries) {
      const notBefore = clock.steady() + limits.prepareRetryMs * 2 ** (failures - 1)
      this.#retries.set(row.id, { failures, notBefore })
      return
    }
    const reason = error instanceof AppError ? `${error.message} ${error.hint}` : 'The log of the server says why.'
    try {
      const jobs = await change(this.#deps, async (trx) => {
        const ended = { ...settled(toIso(clock.now())), state: 'failed', reason }
        const { numUpdatedRows } = await stillPreparing(trx, row).set(ended).executeTakeFirst()
        if (numUpdatedRows === 0n) return []
        await record(trx, this.#deps, row, 'dataset.version_failed', { reason })
        return jobsOf(trx, row)
      })
      for (const id of jobs) this.#deps.loop.wake(id)
    } catch (failure) {
      // As on a full disk: it is begun anew, and comes to the same.
      log.error({ err: failure, subject: row.id }, 'could not note that a version failed')
    }
  }
}

/** What is the machine's fault may be over in a while. */
const machineFaults: ReadonlySet<ErrorCode> = new Set(['store_unavailable', 'disk_full', 'busy', 'internal'])

/** What is not needed any more once a version is ready, or has failed: passwords first of all. */
const settled = (endedAt: string) => ({ sealedSource: null, sourceVolumeId: null, wantedTags: '[]', endedAt })

/** Whoever comes second changes nothing. */
function stillPreparing(trx: Trx, row: DatasetVersionRow) {
  return trx.updateTable('datasetVersions').where('id', '=', row.id).where('state', '=', 'preparing')
}

async function record(
  trx: Trx,
  { clock }: Deps,
  row: DatasetVersionRow,
  type: string,
  data: Record<string, unknown>,
): Promise<void> {
  const { teamId, datasetId: subject, version, id: versionId } = row
  const named = await trx.selectFrom('datasets').select('name').where('id', '=', subject).executeTakeFirst()
  await recordEvents(trx, clock.now(), [{ teamId, subject, type, data: { ...named, version, versionId, ...data } }])
}

async function jobsOf(trx: Trx, { id }: DatasetVersionRow): Promise<string[]> {
  const rows = await trx.selectFrom('jobDatasets').select('jobId').where('versionId', '=', id).execute()
  return rows.map(({ jobId }) => jobId)
}
