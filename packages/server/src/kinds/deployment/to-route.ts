import type { Deps } from '../../deps.ts'
import type { Address } from '../../engines/engine.ts'
import { digestOfBasic } from '../../gateway/admit.ts'
import type { Access, Route } from '../../gateway/route.ts'
import { openPassword } from './revise.ts'
import type { ServedDeployment } from './read-served.ts'

/** What the gateway has to know of a deployment. `addressOf` answers for instances that run. */
export function routeOf(
  deps: Pick<Deps, 'box'>,
  served: ServedDeployment,
  addressOf: (instanceId: string) => Address | undefined,
): Route {
  const { row, revisions, instances } = served
  // How requests are let in and bounded goes with what answers them.
  const { spec } = (revisions.get(row.servingRevision ?? row.revision) ?? revisions.get(row.revision))!
  const { bounds } = spec
  const targets = instances.flatMap(({ row: { id, readyAt, drainAt, restartAt, revision } }) => {
    const address = addressOf(id)
    const isOpen = readyAt !== null && drainAt === null && restartAt === null
    return address && isOpen ? [{ id, ...address, revision }] : []
  })
  const isStopped = row.startedAt === null || (row.instances === 0 && spec.autoscaling === null)
  return {
    id: row.id,
    name: row.name,
    teamId: row.teamId,
    access: accessOf(deps, served),
    bodyBytes: bounds.bodyBytes,
    timeoutMs: bounds.timeoutSeconds * 1000,
    idleMs: bounds.idleSeconds * 1000,
    queue: bounds.queue,
    queueMs: bounds.queueSeconds * 1000,
    perTarget: bounds.perInstance,
    rate: bounds.rate,
    shares: sharesOf(served),
    shadow: row.rollout === 'canary' && row.shadowAt !== null ? row.revision : null,
    targets,
    holds: !isStopped,
    waiting: isStopped ? 'it is stopped' : 'none has started yet',
    // Predictions change nothing: one that was lost on its way may be asked for again.
    repeatable: spec.command === null,
  }
}

/** The newest settings of who may: to close a door takes effect at once, whatever becomes of the rollout. */
function accessOf(deps: Pick<Deps, 'box'>, { row, revisions }: ServedDeployment): Access {
  const { auth } = revisions.get(row.revision)!.spec
  if (auth.kind !== 'basic') return auth
  if (row.password === null) return { kind: 'keys' }
  return { kind: 'basic', digest: digestOfBasic(auth.username, openPassword(deps, row.id, row.password)) }
}

/** While one revision takes over, every instance counts; a canary has the share that it was given. */
function sharesOf({ row, revisions }: ServedDeployment): Map<number, number> {
  const shares = new Map<number, number>([...revisions.keys()].map((revision) => [revision, 100]))
  const { rollout, revision, servingRevision, canaryPercent } = row
  if (rollout === 'failed' && servingRevision !== null) shares.set(revision, 0)
  if (rollout === 'canary' && servingRevision !== null) {
    shares.set(revision, row.shadowAt === null ? (canaryPercent ?? 0) : 0)
    shares.set(servingRevision, 100 - (shares.get(revision) ?? 0))
  }
  return shares
}
