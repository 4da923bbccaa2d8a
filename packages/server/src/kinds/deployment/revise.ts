import type { DeploymentSpec } from '@nabla/api/deployment'
import type { DeploymentRow, RevisionRow } from '../../db/deployment-tables.ts'
import { isUniqueViolation } from '../../db/errors.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { friendlyName } from '../job/name.ts'
import type { Caller } from '../kind.ts'
import { replaceTags } from '../tags.ts'
import { type PreparedRevision, prepareRevision } from './prepare.ts'
import { isAlone } from './stored.ts'
import { findDeployment, findRevision } from './view.ts'

/** A deployment as it is asked for. */
export interface NewDeployment {
  spec: DeploymentSpec
  name?: string | undefined
  project: string
  tags: string[]
  note: string
  start: boolean
  cliCommand?: string | undefined
}

/** Stores a deployment, whole or not at all, and wakes the loop. Answers with its id. Throws AppError. */
export async function makeDeployment(deps: Deps, caller: Caller, asked: NewDeployment): Promise<string> {
  if (deps.ballast.isReleased) throw new AppError('disk_full')
  const name = asked.name ?? friendlyName()
  const id = newId('deployment')
  const now = deps.clock.now()
  await takingName(name, () =>
    change(deps, async (trx) => {
      const prepared = await prepareRevision(deps, trx, caller, asked, now)
      const { auth } = asked.spec
      if (auth.kind === 'basic' && prepared.password === undefined) throw noPassword()
      const row = newRow(deps, caller, { ...asked, name, id }, prepared, now)
      await trx.insertInto('deployments').values(row).execute()
      await insertRevision(trx, caller, row, prepared, { cliCommand: asked.cliCommand }, now)
      await replaceTags(trx, caller.teamId, id, asked.tags)
      const about = { teamId: row.teamId, projectId: row.projectId, subject: id, actor: caller.userName }
      await recordEvents(trx, now, [
        { ...about, type: 'deployment.created', data: { name } },
        ...(asked.start ? [{ ...about, type: 'deployment.started', data: { name } }] : []),
      ])
    }),
  )
  deps.loop.wake(id)
  return id
}

/** How a revision is to take over. */
export interface Revising {
  spec: DeploymentSpec
  cliCommand?: string | undefined
  restoredFrom?: number
  workspaceId?: string | null
  canaryPercent?: number | undefined
  shadow?: boolean
  /** What else of the row changes with it. */
  more?: { name?: string | undefined; note?: string | undefined; tags?: string[] | undefined }
}

/** Makes the next revision of a deployment, which takes over when its instances are ready. Throws AppError. */
export async function revise(deps: Deps, caller: Caller, id: string, asked: Revising): Promise<void> {
  if (deps.ballast.isReleased) throw new AppError('disk_full')
  const now = deps.clock.now()
  await takingName(asked.more?.name ?? '', () =>
    change(deps, async (trx) => {
      const row = await findDeployment({ db: trx }, caller, id)
      const prepared = await prepareRevision(deps, trx, caller, { ...asked, project: row.projectId }, now)
      if (asked.spec.auth.kind === 'basic' && prepared.password === undefined && row.password === null)
        throw noPassword()
      checkSides(row, prepared, asked)
      const before = readInstances(await findRevision(trx, row.id, row.revision))
      const number = row.revision + 1
      const changes = {
        ...asked.more,
        revision: number,
        // What was scaled by hand stays, unless the spec says otherwise than it did.
        instances: before === asked.spec.instances ? row.instances : asked.spec.instances,
        scaledTo: scaledTo(asked.spec, row),
        rollout: asked.canaryPercent === undefined && !asked.shadow ? 'rolling' : 'canary',
        canaryPercent: asked.shadow ? 0 : (asked.canaryPercent ?? null),
        shadowAt: asked.shadow ? toIso(now) : null,
        rolloutAt: toIso(now),
        updatedAt: toIso(now),
        reason: null,
        wakeAt: null,
        ...passwordColumn(deps, row, asked.spec, prepared),
      }
      await writeChanges(trx, row, changes)
      if (asked.more?.tags) await replaceTags(trx, caller.teamId, row.id, asked.more.tags)
      await insertRevision(trx, caller, { ...row, revision: number }, prepared, asked, now)
      const data = {
        name: row.name,
        revision: number,
        ...(asked.restoredFrom === undefined ? {} : { restoredFrom: asked.restoredFrom }),
      }
      const about = { teamId: row.teamId, projectId: row.projectId, subject: row.id, actor: caller.userName }
      const type = asked.restoredFrom === undefined ? 'deployment.revised' : 'deployment.rolled_back'
      await recordEvents(trx, now, [{ ...about, type, data }])
    }),
  )
  deps.loop.wake(id)
}

async function writeChanges(
  trx: Trx,
  row: DeploymentRow,
  {
    name,
    note,
    tags: _tags,
    ...changes
  }: Omit<Partial<DeploymentRow>, 'name' | 'note'> & NonNullable<Revising['more']>,
): Promise<void> {
  const written = await trx
    .updateTable('deployments')
    .set({
      ...changes,
      ...(name === undefined ? {} : { name }),
      ...(note === undefined ? {} : { note }),
      version: row.version + 1,
    })
    .where('id', '=', row.id)
    .where('version', '=', row.version)
    .executeTakeFirst()
  if (written.numUpdatedRows === 1n) return
  throw new AppError('conflict', { detail: `The deployment ${row.name} is being changed by somebody else.` })
}

/** A canary and a shadow need something beside them. */
function checkSides(row: DeploymentRow, { stored }: PreparedRevision, { canaryPercent, shadow }: Revising): void {
  if (canaryPercent === undefined && !shadow) return
  const bad = (reason: string, fix: string) => new AppError('bad_deployment', { reason, fix })
  if (row.servingRevision === null || row.startedAt === null) {
    throw bad('there is no revision that answers beside it', 'Leave out the share, or wait until it runs.')
  }
  if (isAlone(stored)) {
    const reason = `two revisions cannot both listen on port ${stored.spec.port} of this machine`
    throw bad(reason, 'Leave out `port` and let the command listen on $PORT, or run it in an image.')
  }
}

const noPassword = () =>
  new AppError('bad_deployment', {
    reason: 'basic authentication needs a password',
    fix: 'Give `auth.password`, as text or as `secret:NAME`.',
  })

const readInstances = (revision: RevisionRow): number =>
  (JSON.parse(revision.spec) as { spec: DeploymentSpec }).spec.instances

/** Where it starts to scale by itself from: as it is, within the bounds. */
function scaledTo({ autoscaling, instances }: DeploymentSpec, row: DeploymentRow | null): number | null {
  if (autoscaling === null) return null
  const now = row?.scaledTo ?? row?.instances ?? instances
  return Math.min(autoscaling.max, Math.max(autoscaling.min, 1, now))
}

const contextOf = (id: string): string => `deployment/${id}/password`

function passwordColumn(
  { box }: Pick<Deps, 'box'>,
  row: Pick<DeploymentRow, 'id' | 'password'>,
  spec: DeploymentSpec,
  { password }: PreparedRevision,
): Pick<DeploymentRow, 'password'> {
  if (spec.auth.kind !== 'basic') return { password: null }
  return { password: password === undefined ? row.password : box.seal(password, contextOf(row.id)) }
}

/** The password of a deployment, in clear. Throws AppError `secret_unreadable`. */
export const openPassword = ({ box }: Pick<Deps, 'box'>, id: string, sealed: string): string =>
  box.open(sealed, contextOf(id))

function newRow(
  deps: Deps,
  caller: Caller,
  { id, name, note, start, spec }: NewDeployment & { id: string; name: string },
  prepared: PreparedRevision,
  now: number,
): DeploymentRow {
  const at = toIso(now)
  return {
    id,
    teamId: caller.teamId,
    projectId: prepared.project.id,
    name,
    state: start ? 'starting' : 'stopped',
    reason: null,
    revision: 1,
    servingRevision: null,
    rollout: 'rolling',
    canaryPercent: null,
    shadowAt: null,
    instances: spec.instances,
    scaledTo: scaledTo(spec, null),
    ...passwordColumn(deps, { id, password: null }, spec, prepared),
    note,
    createdBy: caller.userId,
    createdAt: at,
    updatedAt: at,
    startedAt: start ? at : null,
    rolloutAt: at,
    endedAt: null,
    deletedAt: null,
    wakeAt: null,
    version: 1,
  }
}

async function insertRevision(
  trx: Trx,
  caller: Caller,
  row: Pick<DeploymentRow, 'id' | 'revision'>,
  { stored, workspaceId, models }: PreparedRevision,
  { cliCommand, restoredFrom }: { cliCommand?: string | undefined; restoredFrom?: number },
  now: number,
): Promise<void> {
  const { id: deploymentId, revision: number } = row
  await trx
    .insertInto('deploymentRevisions')
    .values({
      deploymentId,
      number,
      spec: JSON.stringify(stored),
      workspaceId,
      reason: null,
      failedAt: null,
      failedInstanceId: null,
      restoredFrom: restoredFrom ?? null,
      cliCommand: cliCommand ?? null,
      createdBy: caller.userId,
      createdAt: toIso(now),
    })
    .execute()
  if (models.length === 0) return
  const rows = models.map(({ path, modelId, versionId, name, version, digest }) => {
    return { deploymentId, revision: number, path, modelId, versionId, name, version, digest }
  })
  await trx.insertInto('deploymentModels').values(rows).execute()
}

async function takingName<T>(name: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (isUniqueViolation(error)) throw new AppError('name_taken', { noun: 'deployment', name })
    throw error
  }
}
