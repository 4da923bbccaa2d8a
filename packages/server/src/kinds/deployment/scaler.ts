import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import type { Figures } from '../../gateway/meter.ts'
import { fromIso, toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { ServedDeployment } from './read-served.ts'
import { type Load, type ScaleMemory, scaleTo, verdictOn } from './scale.ts'

/** What was measured of the requests of a deployment lately, and what was made of it. */
interface Watch {
  /** By the steady clock, oldest first. */
  seen: { at: number; figures: ReadonlyMap<number, Figures> }[]
  scale: ScaleMemory
}

/** Changes how many instances there are, and takes back revisions that do badly, by what the gateway measures. */
export class Scaler {
  readonly #deps: Deps
  readonly #watches = new Map<string, Watch>()
  #served: readonly ServedDeployment[] = []

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** These are served now. */
  tend(served: readonly ServedDeployment[]): void {
    this.#served = served
    const ids = new Set(served.map(({ row }) => row.id))
    for (const id of this.#watches.keys()) if (!ids.has(id)) this.#watches.delete(id)
  }

  /** A request waits: where there is no instance at all, one is woken. */
  async wake(deploymentId: string): Promise<void> {
    const found = this.#find(deploymentId)
    if (!found || found.row.scaledTo !== 0) return
    this.#watchOf(deploymentId).scale = { wanted: [], busyAt: this.#deps.clock.steady() }
    await this.#scale(found, 0, 1)
  }

  /** What was measured of a deployment in the last seconds, by revision. */
  async saw(deploymentId: string, figures: ReadonlyMap<number, Figures>): Promise<void> {
    const found = this.#find(deploymentId)
    if (!found || found.row.startedAt === null) return
    const spec = found.revisions.get(found.row.revision)?.spec
    if (!spec?.autoscaling && !spec?.guard) return
    const watch = this.#watchOf(deploymentId)
    const now = this.#deps.clock.steady()
    watch.seen.push({ at: now, figures })
    const windowMs = Math.max(limits.scaleWindowMs, (spec.guard?.windowSeconds ?? 0) * 1000)
    watch.seen = watch.seen.filter(({ at }) => now - at <= windowMs)
    await this.#guard(found, watch)
    if (spec.autoscaling === null || found.row.scaledTo === null) return
    const { count, memory } = scaleTo(
      spec.autoscaling,
      found.row.scaledTo,
      await this.#loadOf(found, watch),
      watch.scale,
      now,
    )
    watch.scale = memory
    if (count !== found.row.scaledTo) await this.#scale(found, found.row.scaledTo, count)
  }

  stop(): void {
    this.#served = []
  }

  /** The newest revision is taken back, as one that did not come up is. */
  async #guard({ row, revisions }: ServedDeployment, { seen }: Watch): Promise<void> {
    const guard = revisions.get(row.revision)?.spec.guard
    if (!guard || row.servingRevision === null || (row.rollout !== 'canary' && row.rollout !== 'rolling')) return
    const { clock } = this.#deps
    const since = clock.steady() - Math.max(0, clock.now() - fromIso(row.rolloutAt ?? row.updatedAt))
    const own = seen.filter(({ at }) => at >= since).flatMap(({ figures }) => figures.get(row.revision) ?? [])
    const reason = verdictOn(guard, {
      requests: own.reduce((sum, { requests }) => sum + requests, 0),
      errors: own.reduce((sum, { errors }) => sum + errors, 0),
      latencyMs: own.length === 0 ? null : Math.max(...own.map(({ latencyP95 }) => latencyP95)),
    })
    if (reason !== null) await this.#takeBack(row, reason)
  }

  async #takeBack(row: ServedDeployment['row'], reason: string): Promise<void> {
    const now = this.#deps.clock.now()
    const told = `Revision ${row.revision} was taken back, and revision ${row.servingRevision} goes on: ${reason}`
    await change(this.#deps, async (trx) => {
      const written = await trx
        .updateTable('deployments')
        .set({ rollout: 'failed', canaryPercent: null, shadowAt: null, reason: told, version: row.version + 1 })
        .where('id', '=', row.id)
        .where('revision', '=', row.revision)
        .where('version', '=', row.version)
        .executeTakeFirst()
      // Somebody changed it meanwhile: the next figures tell what becomes of that.
      if (written.numUpdatedRows === 0n) return
      await trx
        .updateTable('deploymentRevisions')
        .set({ reason, failedAt: toIso(now) })
        .where('deploymentId', '=', row.id)
        .where('number', '=', row.revision)
        .execute()
      const { teamId, projectId, id: subject, name, revision } = row
      const data = { name, revision, reason }
      const type = 'deployment.rollout_failed'
      await recordEvents(trx, now, [{ teamId, projectId, subject, actor: null, type, data }])
    })
    this.#deps.loop.wake(row.id)
  }

  async #loadOf({ row, revisions, instances }: ServedDeployment, { seen }: Watch): Promise<Load> {
    const { gateway, clock } = this.#deps
    const now = clock.steady()
    const recent = seen.filter(({ at }) => now - at <= limits.scaleWindowMs)
    const all = recent.flatMap(({ figures }) => [...figures.values()])
    const under = instances.reduce((sum, { row: { id } }) => sum + gateway.outstanding(id), gateway.queued(row.id))
    const isByCpu = revisions.get(row.revision)?.spec.autoscaling?.metric === 'cpu'
    return {
      outstanding: under,
      rate: all.reduce((sum, { requestRate }) => sum + requestRate, 0) / Math.max(1, recent.length),
      latencyMs: all.length === 0 ? null : Math.max(...all.map(({ latencyP95 }) => latencyP95)),
      cpu: isByCpu ? await this.#cpuOf({ revisions, instances }) : null,
    }
  }

  /** What the instances use of the processors that they were given, in percent. */
  async #cpuOf({ revisions, instances }: Pick<ServedDeployment, 'revisions' | 'instances'>): Promise<number | null> {
    const now = this.#deps.clock.now()
    const query = { points: 2, names: new Set(['cpu']), from: now - limits.scaleWindowMs }
    const shares: number[] = []
    for (const { row } of instances) {
      const cpus = revisions.get(row.revision)?.task.request.resources.cpus
      const [series] = (await this.#deps.measurements.read(row.id, query)).series
      if (cpus !== undefined && series) shares.push((series.avg / cpus) * 100)
    }
    return shares.length === 0 ? null : shares.reduce((sum, share) => sum + share, 0) / shares.length
  }

  async #scale({ row }: ServedDeployment, from: number, to: number): Promise<void> {
    row.scaledTo = to
    const now = this.#deps.clock.now()
    await change(this.#deps, async (trx) => {
      const written = await trx
        .updateTable('deployments')
        .set(({ eb }) => ({ scaledTo: to, version: eb('version', '+', 1) }))
        .where('id', '=', row.id)
        .where('scaledTo', '=', from)
        .where('startedAt', 'is not', null)
        .executeTakeFirst()
      if (written.numUpdatedRows === 0n) return
      const { teamId, projectId, id: subject, name } = row
      const type = 'deployment.scaled'
      await recordEvents(trx, now, [{ teamId, projectId, subject, actor: null, type, data: { name, from, to } }])
    })
    this.#deps.loop.wake(row.id)
  }

  #find(deploymentId: string): ServedDeployment | undefined {
    return this.#served.find(({ row }) => row.id === deploymentId)
  }

  #watchOf(deploymentId: string): Watch {
    let watch = this.#watches.get(deploymentId)
    if (!watch) {
      watch = { seen: [], scale: { wanted: [], busyAt: this.#deps.clock.steady() } }
      this.#watches.set(deploymentId, watch)
    }
    return watch
  }
}
