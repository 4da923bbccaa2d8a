import type { InstanceRow } from '../../db/deployment-tables.ts'
import { inTransaction } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import type { Address } from '../../engines/engine.ts'
import { toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { Health } from './probe.ts'
import { Prober } from './prober.ts'
import { readServed, type ServedDeployment } from './read-served.ts'
import { Scaler } from './scaler.ts'
import { checksOf } from './stored.ts'
import { routeOf } from './to-route.ts'

interface Watched {
  taskId: string
  address: Address
  prober: Prober
}

/**
 * Looks after what stands between the rows of deployments and their requests: asks instances how they are, tells the
 * gateway where requests go, and notes of instances that are to go when nothing is under way any more. It holds nothing
 * that is not in rows or found out again.
 */
export class DeploymentKeeper {
  readonly #deps: Deps
  readonly #watched = new Map<string, Watched>()
  readonly #scaler: Scaler
  #served: ServedDeployment[] = []
  #tending: Promise<void> | undefined
  #again = false
  #stopped = false
  #heeds = false

  constructor(deps: Deps) {
    this.#deps = deps
    this.#scaler = new Scaler(deps)
    deps.gateway.onIdle = (instanceId) => this.#onIdle(instanceId)
    deps.gateway.onWait = (deploymentId) =>
      void this.#scaler.wake(deploymentId).catch((error: unknown) => this.#tell(error))
    deps.gateway.onFigures = (id, figures) => {
      void this.#scaler.saw(id, figures).catch((error: unknown) => this.#tell(error))
    }
  }

  /** Brings all in line with the rows. One look at a time; whoever asks meanwhile has another one follow. */
  tend(stopped: AbortSignal): Promise<void> {
    if (!this.#heeds) {
      this.#heeds = true
      stopped.addEventListener('abort', () => this.#stop())
    }
    if (this.#stopped || stopped.aborted) return Promise.resolve()
    if (this.#tending) {
      this.#again = true
      return this.#tending
    }
    this.#tending = this.#look()
      .catch((error: unknown) => this.#tell(error))
      .finally(() => {
        this.#tending = undefined
        if (!this.#again) return
        this.#again = false
        void this.tend(stopped)
      })
    return this.#tending
  }

  #stop(): void {
    this.#stopped = true
    for (const { prober } of this.#watched.values()) prober.stop()
    this.#watched.clear()
    this.#scaler.stop()
  }

  async #look(): Promise<void> {
    const served = await readServed(this.#deps.db)
    const running = served.flatMap((deployment) => deployment.instances.map((instance) => ({ deployment, instance })))
    const wanted = new Set(
      running.filter(({ instance }) => instance.task !== null).map(({ instance }) => instance.row.id),
    )
    for (const [id, { prober }] of this.#watched) {
      if (wanted.has(id)) continue
      prober.stop()
      this.#watched.delete(id)
    }
    await Promise.all(running.map(({ deployment, instance }) => this.#watch(deployment, instance)))
    if (this.#stopped) return
    this.#served = served
    const addressOf = (id: string) => this.#watched.get(id)?.address
    this.#deps.gateway.replace(served.map((deployment) => routeOf(this.#deps, deployment, addressOf)))
    this.#scaler.tend(served)
    // The gateway sends them nothing any more: what has nothing under way may go.
    for (const { instance } of running) if (instance.row.drainAt !== null) this.#onIdle(instance.row.id)
  }

  async #watch({ revisions }: ServedDeployment, { row, task }: ServedDeployment['instances'][number]): Promise<void> {
    if (task === null) return
    const known = this.#watched.get(row.id)
    if (known?.taskId === task.id) return
    known?.prober.stop()
    this.#watched.delete(row.id)
    const address = (await this.#deps.engines.get(task.engine)?.address(task.id, row.port)) ?? null
    const revision = revisions.get(row.revision)
    if (address === null || !revision || this.#stopped) return
    const probed = { address, checks: checksOf(revision.spec), wasReady: row.readyAt !== null }
    const prober = new Prober(this.#deps.clock, probed, (health) => {
      void this.#note(row, task.id, health).catch((error: unknown) => this.#tell(error))
    })
    this.#watched.set(row.id, { taskId: task.id, address, prober })
  }

  /** Writes down what changed of an instance, unless its task is another one by now. */
  async #note({ id, deploymentId }: InstanceRow, taskId: string, { isReady, isDead }: Health): Promise<void> {
    const { db, clock, loop } = this.#deps
    if (this.#watched.get(id)?.taskId !== taskId) return
    const at = toIso(clock.now())
    await inTransaction(db, (trx) =>
      trx
        .updateTable('deploymentInstances')
        .set(({ eb, fn }) => ({
          readyAt: isReady && !isDead ? fn.coalesce('readyAt', eb.val(at)) : null,
          ...(isReady ? { firstReadyAt: fn.coalesce('firstReadyAt', eb.val(at)), reason: null } : { reason: unready }),
          ...(isDead ? { restartAt: at, restartWhy: 'It did not answer its health check.' } : {}),
          version: eb('version', '+', 1),
        }))
        .where('id', '=', id)
        .where('endedAt', 'is', null)
        .execute(),
    )
    loop.wake(id)
    loop.wake(deploymentId)
  }

  /** An instance that is to go has nothing under way, and the gateway does not know it any more. */
  #onIdle(instanceId: string): void {
    if (this.#stopped || !this.#deps.gateway.isIdle(instanceId)) return
    const draining = this.#served.flatMap(({ instances }) => instances).find(({ row }) => row.id === instanceId)
    if (!draining || draining.row.drainAt === null || draining.row.drainedAt !== null) return
    draining.row.drainedAt = draining.row.drainAt
    // A request that was given to it in the same moment is under way by then.
    this.#deps.clock.after(
      limits.drainSettleMs,
      () => void this.#noteDrained(instanceId).catch((error: unknown) => this.#tell(error)),
    )
  }

  async #noteDrained(instanceId: string): Promise<void> {
    if (this.#stopped || !this.#deps.gateway.isIdle(instanceId)) return
    await this.#deps.db
      .updateTable('deploymentInstances')
      .set(({ eb }) => ({ drainedAt: toIso(this.#deps.clock.now()), version: eb('version', '+', 1) }))
      .where('id', '=', instanceId)
      .where('drainAt', 'is not', null)
      .where('drainedAt', 'is', null)
      .execute()
    this.#deps.loop.wake(instanceId)
  }

  #tell(error: unknown): void {
    if (!this.#stopped) this.#deps.log.warn({ err: error }, 'deployments could not be looked after; trying again')
  }
}

const unready = 'It does not say that it is ready.'
