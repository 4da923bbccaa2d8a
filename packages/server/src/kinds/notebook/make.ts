import type { createNotebook, NotebookSpec } from '@nabla/api/notebook'
import { notebookSpec } from '@nabla/api/notebook'
import type { z } from 'zod'
import { isUniqueViolation } from '../../db/errors.ts'
import type { NotebookRow } from '../../db/notebook-tables.ts'
import type { ProjectRow } from '../../db/tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { sealLogin } from '../../tasks/image-login.ts'
import { friendlyName } from '../job/name.ts'
import { chooseMachine } from '../job/submit.ts'
import { findJob } from '../job/view.ts'
import type { Caller } from '../kind.ts'
import { ensureProject } from '../project.ts'
import { checkRegistry } from '../registry.ts'
import { checkSecrets } from '../secret.ts'
import { storageVolume } from '../storage/volume.ts'
import { replaceTags } from '../tags.ts'
import { gitWorkspace, storedWorkspace } from '../workspace.ts'
import type { StoredNotebook } from './planned.ts'
import { requestOf } from './request.ts'

export interface NewNotebook extends z.output<typeof createNotebook> {
  parentNotebookId?: string
  /** Files that are there already, for a fork; goes before `workspace`. */
  seedId?: string | null
  sealedLogin?: string | null
}

/**
 * Stores a notebook, whole or not at all, and starts it if that is asked for. Answers with its id. Throws AppError when
 * something it names is not there, when its name is taken, or when this server cannot run it.
 */
export async function makeNotebook(deps: Deps, caller: Caller, asked: NewNotebook): Promise<string> {
  if (deps.ballast.isReleased) throw new AppError('disk_full')
  const now = deps.clock.now()
  const fromJob = asked.fromJob === undefined ? null : await findJob(deps, caller, asked.fromJob)
  const name = asked.name ?? friendlyName()
  try {
    const id = await change(deps, async (trx) => {
      const project = await ensureProject(trx, caller, asked.project, now)
      const spec = notebookSpec.parse(pickSpec(asked))
      await checkSpec(deps, trx, caller, project.id, spec, asked.registryLogin !== undefined)
      const seedId = fromJob ? fromJob.workspaceId : await seedOf(deps, trx, caller, project.id, asked, now)
      const row = await store(
        deps,
        trx,
        caller,
        { asked, name, project, spec, seedId, fromJobId: fromJob?.id ?? null },
        now,
      )
      if (asked.start) await beginSession(deps, trx, { ...row, projectName: project.name }, now)
      return row.id
    })
    deps.loop.wake(id)
    return id
  } catch (error) {
    throw isUniqueViolation(error) ? new AppError('name_taken', { noun: 'notebook', name }) : error
  }
}

/** Checks what a spec names. Throws AppError `unknown_machine_type`, `image_not_supported`, `unknown_secret` and such. */
export async function checkSpec(
  deps: Deps,
  trx: Trx,
  caller: Caller,
  projectId: string,
  spec: NotebookSpec,
  hasLogin: boolean,
): Promise<void> {
  chooseMachine(deps, { ...spec, build: null })
  await checkSecrets(deps, trx, caller, projectId, Object.values(spec.env))
  const refuse = (detail: string) => new AppError('invalid', { detail })
  const stray = (['registry', 'user', 'shmBytes'] as const).find((name) => spec[name] !== null)
  if (spec.image === 'host' && (stray !== undefined || hasLogin)) {
    throw refuse(`Only a notebook that runs in an image has \`${stray ?? 'registryLogin'}\`: name an image.`)
  }
  if (hasLogin && spec.registry !== null) throw refuse('Give either the name of a registry or a login, not both.')
  if (spec.registry !== null) await checkRegistry({ db: trx }, caller.teamId, spec.registry, spec.image)
}

/** Writes into the row that a session is wanted, and what its task will ask for. */
export async function beginSession(
  deps: Deps,
  trx: Trx,
  row: NotebookRow & { projectName: string },
  now: number,
): Promise<boolean> {
  const { spec } = JSON.parse(row.spec) as StoredNotebook
  const machine = chooseMachine(deps, { ...spec, build: null })
  const number = row.session + 1
  const storage = await storageVolume(trx, row.teamId, now)
  const request = requestOf({
    notebook: row,
    spec,
    machine,
    number,
    rebuild: row.rebuildRequestedAt ?? '',
    sealedLogin: row.sealedLogin,
    volumes: {
      files: row.filesId,
      environment: row.environmentId,
      storage,
      seed: row.seededAt === null ? row.seedId : null,
    },
    sharesNetwork: deps.machineTypes.capacity.get(machine.engine)?.ownPorts !== true,
  })
  const stored: StoredNotebook = {
    spec,
    task: { engine: machine.engine, machineType: machine.name, priority, request },
  }
  const nothing = {
    reason: null,
    stopRequestedAt: null,
    startedAt: null,
    jupyterAt: null,
    readyAt: null,
    endedAt: null,
  }
  const idle = { activity: null, warnedAt: null, extendedUntil: null, extendedMs: 0, stopsAt: null }
  const began = await trx
    .updateTable('notebooks')
    .set(({ eb }) => ({
      ...nothing,
      ...idle,
      state: 'pending',
      session: number,
      spec: JSON.stringify(stored),
      machineType: machine.name,
      startRequestedAt: toIso(now),
      lastActivityAt: toIso(now),
      version: eb('version', '+', 1),
    }))
    .where('id', '=', row.id)
    .where('session', '=', row.session)
    .where('endedAt', 'is not', null)
    .where('deletedAt', 'is', null)
    .executeTakeFirst()
  return began.numUpdatedRows === 1n
}

/** People wait for it: before jobs that are as old. */
const priority = 60

interface Made {
  asked: NewNotebook
  name: string
  project: ProjectRow
  spec: NotebookSpec
  seedId: string | null
  fromJobId: string | null
}

async function store(deps: Deps, trx: Trx, caller: Caller, made: Made, now: number): Promise<NotebookRow> {
  const { asked, name, project, spec, seedId, fromJobId } = made
  const id = newId('notebook')
  const row: NotebookRow = {
    id,
    teamId: caller.teamId,
    projectId: project.id,
    name,
    state: 'stopped',
    reason: null,
    session: 0,
    spec: JSON.stringify({ spec, task: null } satisfies StoredNotebook),
    machineType: chooseMachine(deps, { ...spec, build: null }).name,
    sealedLogin: asked.registryLogin
      ? sealLogin(deps.box, caller.teamId, asked.registryLogin)
      : (asked.sealedLogin ?? null),
    filesId: await insertVolume(trx, caller.teamId, 'notebook', id, now),
    environmentId: await insertVolume(trx, caller.teamId, 'notebook-environment', id, now),
    seedId,
    installed: '[]',
    parentNotebookId: asked.parentNotebookId ?? null,
    fromJobId,
    createdBy: caller.userId,
    createdAt: toIso(now),
    endedAt: toIso(now),
    ...nothingYet,
  }
  await trx.insertInto('notebooks').values(row).execute()
  await replaceTags(trx, caller.teamId, id, asked.tags)
  const data = { name, ...(asked.parentNotebookId ? { forkOf: asked.parentNotebookId } : {}) }
  const { teamId, userName: actor } = caller
  await recordEvents(trx, now, [{ teamId, projectId: project.id, subject: id, type: 'notebook.created', actor, data }])
  return row
}

const nothingYet = {
  seededAt: null,
  rebuildRequestedAt: null,
  shareId: null,
  sharedAt: null,
  lastActivityAt: null,
  activity: null,
  warnedAt: null,
  extendedUntil: null,
  extendedMs: 0,
  stopsAt: null,
  stopRequestedAt: null,
  stopGraceMs: 0,
  startRequestedAt: null,
  startedAt: null,
  jupyterAt: null,
  readyAt: null,
  deletedAt: null,
  wakeAt: null,
  version: 1,
} satisfies Partial<NotebookRow>

/** Its volume of one purpose. */
export async function insertVolume(
  trx: Trx,
  teamId: string,
  purpose: string,
  ownerId: string,
  now: number,
  tree: { digest: string; files: number; sizeBytes: number } | null = null,
): Promise<string> {
  const id = newId('volume')
  await trx
    .insertInto('volumes')
    .values({
      id,
      teamId,
      purpose,
      ownerId,
      origin: null,
      digest: tree?.digest ?? null,
      treeDigest: tree?.digest ?? null,
      files: tree?.files ?? 0,
      sizeBytes: tree?.sizeBytes ?? 0,
      createdAt: toIso(now),
      deletedAt: null,
    })
    .execute()
  return id
}

async function seedOf(
  deps: Deps,
  trx: Trx,
  caller: Caller,
  projectId: string,
  { seedId, workspace }: NewNotebook,
  now: number,
): Promise<string | null> {
  if (seedId !== undefined) return seedId
  if (workspace.from === 'upload') return (await storedWorkspace(trx, caller.teamId, workspace.id, now)).id
  if (workspace.from === 'nothing') return null
  if (workspace.password) await checkSecrets(deps, trx, caller, projectId, [workspace.password])
  return (await gitWorkspace(deps, trx, caller.teamId, workspace, now)).id
}

/** The fields of a notebook's spec, without those that belong to the request. */
function pickSpec(asked: NewNotebook): Record<string, unknown> {
  const names = Object.keys(notebookSpec.shape)
  return Object.fromEntries(Object.entries(asked).filter(([name]) => names.includes(name)))
}
