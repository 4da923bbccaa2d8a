import type {
  Deployment,
  DeploymentInstance,
  DeploymentRevision,
  DeploymentState,
  DeploymentSummary,
  InstanceState,
} from '@nabla/api/deployment'
import type { DeploymentModelRow, DeploymentRow, InstanceRow, RevisionRow } from '../../db/deployment-tables.ts'
import type { Db, Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import type { Caller, Origins } from '../kind.ts'
import { labelOf } from '../served.ts'
import { changesBetween } from './changes.ts'
import { wantedOf } from './plan.ts'
import { readRevision } from './stored.ts'

/** A deployment's row with the names it refers to. */
export interface DeploymentWithNames extends DeploymentRow {
  projectName: string
  userName: string
}

/** Selects deployments of one team that are not deleted: every read of deployments starts here. */
export function selectDeployments(db: Pick<Db, 'selectFrom'>, teamId: string) {
  return db
    .selectFrom('deployments')
    .innerJoin('projects', 'projects.id', 'deployments.projectId')
    .innerJoin('users', 'users.id', 'deployments.createdBy')
    .selectAll('deployments')
    .select(['projects.name as projectName', 'users.name as userName'])
    .where('deployments.teamId', '=', teamId)
    .where('deployments.deletedAt', 'is', null)
}

/** The deployment with this id or name; another team's does not exist. */
export async function findDeployment(
  { db }: { db: Pick<Db, 'selectFrom'> },
  caller: Pick<Caller, 'teamId'>,
  reference: string,
): Promise<DeploymentWithNames> {
  const rows = selectDeployments(db, caller.teamId)
  const row =
    (await rows.where('deployments.id', '=', reference).executeTakeFirst()) ??
    (await rows.where('deployments.name', '=', reference).executeTakeFirst())
  if (!row) throw new AppError('not_found', { noun: 'deployment', id: reference })
  return row
}

/** An instance by its id or name, also one that has ended. */
export async function findInstance(
  { db }: Pick<Deps, 'db'>,
  row: DeploymentRow,
  reference: string,
): Promise<InstanceRow> {
  const found = await db
    .selectFrom('deploymentInstances')
    .selectAll()
    .where('deploymentId', '=', row.id)
    .where('deletedAt', 'is', null)
    .where((eb) => eb.or([eb('id', '=', reference), eb('name', '=', reference)]))
    .orderBy('createdAt', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!found) throw new AppError('not_found', { noun: 'instance', id: reference })
  return found
}

/** The row of a revision of a deployment. Throws AppError `not_found`. */
export async function findRevision(
  db: Pick<Db, 'selectFrom'>,
  deploymentId: string,
  number: number,
): Promise<RevisionRow> {
  const row = await db
    .selectFrom('deploymentRevisions')
    .selectAll()
    .where('deploymentId', '=', deploymentId)
    .where('number', '=', number)
    .executeTakeFirst()
  if (!row) throw new AppError('not_found', { noun: 'revision', id: String(number) })
  return row
}

type ViewDeps = Pick<Deps, 'db' | 'logs'>

/** Rows of a list, with as many queries for a page as for one. */
export async function toSummaries(
  { db, logs, gateway }: ViewDeps & Pick<Deps, 'gateway'>,
  rows: readonly DeploymentWithNames[],
  origins: Origins,
): Promise<DeploymentSummary[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const tags = await db.selectFrom('tags').selectAll().where('subjectId', 'in', ids).orderBy('tag').execute()
  const instances = await db
    .selectFrom('deploymentInstances')
    .selectAll()
    .where('deploymentId', 'in', ids)
    .where('endedAt', 'is', null)
    .execute()
  const revisions = await db
    .selectFrom('deploymentRevisions')
    .innerJoin('deployments', 'deployments.id', 'deploymentRevisions.deploymentId')
    .selectAll('deploymentRevisions')
    .whereRef('deploymentRevisions.number', '=', 'deployments.revision')
    .where('deployments.id', 'in', ids)
    .execute()
  return Promise.all(
    rows.map(async (row) => {
      const revision = revisions.find(({ deploymentId }) => deploymentId === row.id)!
      const { spec, task } = readRevision(revision)
      const own = instances.filter(({ deploymentId }) => deploymentId === row.id)
      return {
        ...shared(row, own, origins),
        rollout: await rolloutOf({ logs }, row, revision),
        tags: tags.filter(({ subjectId }) => subjectId === row.id).map(({ tag }) => tag),
        serves: (spec.model ?? (spec.image === 'host' ? spec.command : spec.image) ?? '').slice(0, 200),
        machineType: task.machineType,
        requestRate: Math.round(gateway.rate(row.id) * 100) / 100,
      }
    }),
  )
}

/** All there is to say about one deployment. */
export async function toDeployment(deps: ViewDeps, row: DeploymentWithNames, origins: Origins): Promise<Deployment> {
  const { db } = deps
  const revision = await findRevision(db, row.id, row.revision)
  const [tags, instances, models] = await Promise.all([
    db.selectFrom('tags').select('tag').where('subjectId', '=', row.id).orderBy('tag').execute(),
    db
      .selectFrom('deploymentInstances')
      .selectAll()
      .where('deploymentId', '=', row.id)
      .where('endedAt', 'is', null)
      .execute(),
    readModels(db, row.id, [row.revision]),
  ])
  return {
    ...shared(row, instances, origins),
    rollout: await rolloutOf(deps, row, revision),
    shadow: row.shadowAt !== null && row.rollout === 'canary',
    spec: readRevision(revision).spec,
    models: models.map(toModel),
    tags: tags.map(({ tag }) => tag),
    note: row.note,
  }
}

/** Revisions as a caller sees them. `rows`: newest first; `older`: the one before the last of them, if there is one. */
export async function toRevisions(
  deps: ViewDeps,
  row: DeploymentRow,
  rows: readonly RevisionRow[],
  older: RevisionRow | undefined,
): Promise<DeploymentRevision[]> {
  if (rows.length === 0) return []
  const models = await readModels(
    deps.db,
    row.id,
    rows.map(({ number }) => number),
  )
  const users = await deps.db
    .selectFrom('users')
    .select(['id', 'name'])
    .where('id', 'in', [...new Set(rows.map(({ createdBy }) => createdBy))])
    .execute()
  return Promise.all(
    rows.map(async (revision, index) => {
      const { number, reason, createdBy, createdAt, restoredFrom, cliCommand } = revision
      const before = rows[index + 1] ?? older
      const { spec } = readRevision(revision)
      return {
        number,
        state: stateOf(row, revision),
        reason,
        lastLines: await lastLinesOf(deps, revision),
        spec,
        models: models.filter((model) => model.revision === number).map(toModel),
        changes: before ? changesBetween(readRevision(before).spec, spec) : [],
        restoredFrom,
        cliCommand,
        createdBy: { id: createdBy, name: users.find(({ id }) => id === createdBy)?.name ?? createdBy },
        createdAt,
      }
    }),
  )
}

/** What a caller sees of one instance. */
export function toInstance(row: InstanceRow, machineType: string, outstanding: number): DeploymentInstance {
  const { id, name, revision, reason, restarts, port, createdAt, startedAt, readyAt, endedAt } = row
  const state = row.state as InstanceState
  return {
    id,
    name,
    revision,
    state,
    reason,
    restarts,
    machineType,
    port,
    outstanding,
    createdAt,
    startedAt,
    readyAt,
    endedAt,
  }
}

function shared(row: DeploymentWithNames, instances: readonly InstanceRow[], origins: Origins) {
  const { id, name, reason, revision, createdAt, updatedAt, startedAt } = row
  const origin = origins.served(labelOf(id))
  return {
    id,
    name,
    project: { id: row.projectId, name: row.projectName },
    state: row.state as DeploymentState,
    reason,
    revision,
    serving: row.servingRevision,
    instances: {
      wanted: wantedOf(row),
      ready: instances.filter(({ readyAt, drainAt }) => readyAt !== null && drainAt === null).length,
      all: instances.length,
    },
    address: origin === null ? null : `${origin}/`,
    path: `/serve/${id}/`,
    createdBy: { id: row.createdBy, name: row.userName },
    createdAt,
    updatedAt,
    startedAt,
  }
}

async function rolloutOf(
  deps: Pick<Deps, 'logs'>,
  row: DeploymentRow,
  revision: RevisionRow,
): Promise<Deployment['rollout']> {
  if (row.rollout === null) return null
  return {
    revision: row.revision,
    state: row.rollout as 'rolling' | 'canary' | 'failed',
    reason: revision.reason,
    lastLines: await lastLinesOf(deps, revision),
    canaryPercent: row.rollout === 'canary' ? row.canaryPercent : null,
  }
}

/** Lines that say why something failed; what the platform says itself is told in the reason. */
const toldLines = 10

async function lastLinesOf({ logs }: Pick<Deps, 'logs'>, { failedInstanceId }: RevisionRow): Promise<string[]> {
  if (failedInstanceId === null) return []
  return (await logs.tail(failedInstanceId, toldLines)).map(({ text }) => text.slice(0, 500))
}

function stateOf(row: DeploymentRow, { number, failedAt }: RevisionRow): DeploymentRevision['state'] {
  if (failedAt !== null) return 'failed'
  if (number === row.revision && (row.rollout === 'rolling' || row.rollout === 'canary')) return row.rollout
  return number === row.servingRevision ? 'serving' : 'superseded'
}

function readModels(db: Pick<Db, 'selectFrom'>, deploymentId: string, revisions: readonly number[]) {
  return db
    .selectFrom('deploymentModels')
    .selectAll()
    .where('deploymentId', '=', deploymentId)
    .where('revision', 'in', revisions)
    .orderBy('path')
    .execute()
}

const toModel = ({ modelId: id, name, version, digest, path }: DeploymentModelRow) => ({
  id,
  name,
  version,
  digest,
  path,
})
