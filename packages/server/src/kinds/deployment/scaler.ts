import type { Deps } from '../../deps.ts'
import type { Figures } from '../../gateway/meter.ts'
import type { ServedDeployment } from './read-served.ts'

/** Changes how many instances there are, and takes back revisions that do badly, by what the gateway measures. */
export class Scaler {
  readonly #deps: Deps
  #served: readonly ServedDeployment[] = []

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** These are served now. */
  tend(served: readonly ServedDeployment[]): void {
    this.#served = served
  }

  /** A request waits: where there is no instance at all, one is woken. */
  async wake(deploymentId: string): Promise<void> {
    const found = this.#served.find(({ row }) => row.id === deploymentId)
    if (!found || found.row.scaledTo !== 0) return
    found.row.scaledTo = 1
    await this.#deps.db
      .updateTable('deployments')
      .set(({ eb }) => ({ scaledTo: 1, version: eb('version', '+', 1) }))
      .where('id', '=', deploymentId)
      .where('scaledTo', '=', 0)
      .execute()
    this.#deps.loop.wake(deploymentId)
  }

  /** What was measured of a deployment in the last seconds, by revision. */
  saw(_deploymentId: string, _figures: ReadonlyMap<number, Figures>): void {}

  stop(): void {
    this.#served = []
  }
}
