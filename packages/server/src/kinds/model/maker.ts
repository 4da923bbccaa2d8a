import type { ErrorCode } from '@nabla/api/errors'
import type { Interpretation } from '@nabla/api/model-format'
import type { Tree } from '@nabla/api/tree'
import type { ModelVersionRow } from '../../db/model-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import { holdTree } from '../../trees/tree-rows.ts'
import { moveAliases } from './aliases.ts'
import { interpretTree } from './interpret.ts'

interface Made {
  tree: Tree
  interpretation: Interpretation
}

/**
 * Takes in the files of versions and reads what they are, a few at a time. What is under way is known to this process
 * alone: a server that starts finds what is to be done in the database, and begins it anew.
 */
export class ModelMaker {
  readonly #deps: Deps
  readonly #underWay = new Map<string, AbortController>()
  /** Versions that failed by no fault of the user's: how often, and when (steady) they are tried again. */
  readonly #retries = new Map<string, { failures: number; notBefore: number }>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * Begins what is to be made and gives up what has been deleted. To be called by whoever holds the lease of the
   * control loop. Answers with the work that it began, which never fails.
   */
  async tend(stopped: AbortSignal): Promise<Promise<void>[]> {
    const rows = await this.#deps.db
      .selectFrom('modelVersions')
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

  async #begin(row: ModelVersionRow, stopped: AbortSignal): Promise<void> {
    const abort = new AbortController()
    this.#underWay.set(row.id, abort)
    const signal = AbortSignal.any([abort.signal, stopped])
    try {
      await this.#finish(row, await this.#make(row, signal))
    } catch (error) {
      if (!signal.aborted) await this.#fail(row, error)
    } finally {
      this.#underWay.delete(row.id)
      // There is room for the next one.
      this.#deps.loop.wake(row.id)
    }
  }

  async #make(row: ModelVersionRow, signal: AbortSignal): Promise<Made> {
    const { trees } = this.#deps
    const tree = row.sourceDigest === null ? await this.#takeIn(row, signal) : await this.#sent(row)
    const files = await trees.open(row.teamId, tree.digest)
    return { tree, interpretation: await interpretTree(files, this.#deps.clock, signal) }
  }

  async #sent({ teamId, sourceDigest }: ModelVersionRow): Promise<Tree> {
    const { clock, db } = this.#deps
    const tree = await holdTree(db, teamId, sourceDigest ?? '', clock.now())
    if (!tree) throw new AppError('not_found', { noun: 'tree', id: sourceDigest ?? '' })
    return tree
  }

  async #takeIn(row: ModelVersionRow, signal: AbortSignal): Promise<Tree> {
    const { db, trees, volumes } = this.#deps
    const volume = await db
      .selectFrom('volumes')
      .select(['id', 'treeDigest', 'digest', 'files', 'sizeBytes'])
      .where('id', '=', row.sourceVolumeId ?? '')
      .where('teamId', '=', row.teamId)
      .where('deletedAt', 'is', null)
      .executeTakeFirst()
    if (!volume) throw new AppError('file_not_found', { path: row.source })
    const path = row.sourcePath ?? ''
    const { tree, leftOut, leftOutCount } = await trees.ingest(
      row.teamId,
      volumes.volumeDir(volume.id),
      signal,
      path === '' ? {} : { path },
    )
    const [first] = leftOut
    if (leftOutCount > 0) throw new AppError('bad_path', { path: first?.path ?? '', reason: first?.reason ?? '' })
    if (tree.files === 0) throw new AppError('file_not_found', { path: row.source })
    return tree
  }

  async #finish(row: ModelVersionRow, { tree, interpretation }: Made): Promise<void> {
    const now = this.#deps.clock.now()
    const { digest, files, sizeBytes } = tree
    const { format, parameters, verdict } = interpretation
    await change(this.#deps, async (trx) => {
      const metrics = row.metrics === '[]' ? JSON.stringify(interpretation.metrics) : row.metrics
      const { numUpdatedRows } = await stillPreparing(trx, row)
        .set({ state: 'ready', digest, files, sizeBytes, format, parameters, verdict, metrics })
        .set({ interpretation: JSON.stringify(interpretation), wantedAliases: '[]', endedAt: toIso(now) })
        .executeTakeFirst()
      if (numUpdatedRows === 0n) return
      if (!(await holdTree(trx, row.teamId, digest, now))) throw new AppError('busy', { detail: 'its tree is gone' })
      await trx
        .updateTable('volumes')
        .set({ digest, treeDigest: digest, files, sizeBytes })
        .where('id', '=', row.volumeId)
        .execute()
      await moveAliases(trx, row, JSON.parse(row.wantedAliases) as string[])
      await record(trx, now, row, 'model.version_ready', { digest, files, sizeBytes, format, verdict })
    })
    this.#retries.delete(row.id)
  }

  async #fail(row: ModelVersionRow, error: unknown): Promise<void> {
    const { clock, log } = this.#deps
    const failures = (this.#retries.get(row.id)?.failures ?? 0) + 1
    const isOurs = !(error instanceof AppError) || machineFaults.has(error.code)
    if (isOurs) log.error({ err: error, subject: row.id, failures }, 'could not make a version of a model')
    if (isOurs && failures < limits.prepareTries) {
      const notBefore = clock.steady() + limits.prepareRetryMs * 2 ** (failures - 1)
      this.#retries.set(row.id, { failures, notBefore })
      return
    }
    const reason = error instanceof AppError ? `${error.message} ${error.hint}` : 'The log of the server says why.'
    try {
      await change(this.#deps, async (trx) => {
        const { numUpdatedRows } = await stillPreparing(trx, row)
          .set({ state: 'failed', reason, wantedAliases: '[]', endedAt: toIso(clock.now()) })
          .executeTakeFirst()
        if (numUpdatedRows === 0n) return
        await record(trx, clock.now(), row, 'model.version_failed', { reason })
      })
    } catch (failure) {
      // As on a full disk: it is begun anew, and comes to the same.
      log.error({ err: failure, subject: row.id }, 'could not note that a version of a model failed')
    }
  }
}

/** What is the machine's fault may be over in a while. */
const machineFaults: ReadonlySet<ErrorCode> = new Set(['store_unavailable', 'disk_full', 'busy', 'internal'])

/** Whoever comes second changes nothing. */
function stillPreparing(trx: Trx, { id }: ModelVersionRow) {
  return trx.updateTable('modelVersions').where('id', '=', id).where('state', '=', 'preparing')
}

async function record(trx: Trx, now: number, row: ModelVersionRow, type: string, data: Record<string, unknown>) {
  const { teamId, modelId: subject, version, id: versionId } = row
  const model = await trx
    .selectFrom('models')
    .select(['name', 'projectId'])
    .where('id', '=', subject)
    .executeTakeFirst()
  const named = { name: model?.name, version, versionId, ...data }
  await recordEvents(trx, now, [{ teamId, subject, projectId: model?.projectId ?? null, type, data: named }])
}
