import { notebookCan, type NotebookState } from '@nabla/api/notebook'
import { isUniqueViolation } from '../db/errors.ts'
import { isAfter, toPage } from '../db/paging.ts'
import type { NotebookRow } from '../db/notebook-tables.ts'
import type { Trx } from '../db/transaction.ts'
import type { Deps } from '../deps.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import type { Handlers, Origins } from './kind.ts'
import type { Caller } from './kind.ts'
import { notebookFileHandlers } from './notebook/file-handlers.ts'
import { forkNotebook } from './notebook/fork.ts'
import { readInstalled } from './notebook/installed.ts'
import { notebookLogHandlers } from './notebook/log.ts'
import { checkSpec, makeNotebook } from './notebook/make.ts'
import { notebookMetricHandlers } from './notebook/metrics.ts'
import { readNotebook, type StoredNotebook } from './notebook/planned.ts'
import { about, extendNotebook, rebuildNotebook, startNotebook, stopNotebook } from './notebook/session.ts'
import { findNotebook, selectNotebooks, toNotebook, toSummaries } from './notebook/view.ts'
import { findProject } from './project.ts'
import { labelOf, openServedLink } from './served.ts'
import { replaceTags } from './tags.ts'

export const notebookHandlers: Handlers<'notebook'> = {
  ...notebookFileHandlers,
  ...notebookLogHandlers,
  ...notebookMetricHandlers,

  async list({ caller, query, origins }, deps) {
    const { project, state, tag, name, limit, after } = query
    let rows = selectNotebooks(deps.db, caller.teamId).where(isAfter('notebooks.createdAt', 'notebooks.id', after))
    if (project !== undefined) {
      rows = rows.where('notebooks.projectId', '=', (await findProject(deps.db, caller.teamId, project)).id)
    }
    if (state !== undefined) rows = rows.where('notebooks.state', 'in', [state].flat())
    if (name) rows = rows.where('notebooks.name', '>=', name).where('notebooks.name', '<', `${name}\u{10ffff}`)
    if (tag) {
      const tagged = deps.db.selectFrom('tags').select('subjectId').where('teamId', '=', caller.teamId)
      rows = rows.where('notebooks.id', 'in', tagged.where('tag', '=', tag))
    }
    const found = await rows
      .orderBy('notebooks.createdAt', 'desc')
      .orderBy('notebooks.id', 'desc')
      .limit(limit + 1)
      .execute()
    const page = toPage(
      found,
      limit,
      (row) => row,
      (row) => row,
    )
    return { ...page, items: await toSummaries(deps.db, page.items, origins) }
  },

  async create({ caller, body, origins }, deps) {
    if (body.fromJob !== undefined && body.workspace.from !== 'nothing') {
      throw new AppError('invalid', { detail: 'Give either `workspace` or `fromJob`, not both.' })
    }
    return show(deps, caller, await makeNotebook(deps, caller, body), origins)
  },

  show: ({ caller, params, origins }, deps) => show(deps, caller, params.notebook, origins),

  async update({ caller, params, body, origins }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    const { name, tags, ...changes } = body
    try {
      await change(deps, async (trx) => {
        const now = deps.clock.now()
        if (name !== undefined) await trx.updateTable('notebooks').set({ name }).where('id', '=', row.id).execute()
        if (tags) await replaceTags(trx, caller.teamId, row.id, tags)
        await updateSpec(deps, trx, caller, row.id, changes)
        const fields = Object.keys(body).filter((field) => field !== 'env')
        const data = { name: row.name, ...(name === undefined ? {} : { newName: name }), fields }
        await recordEvents(trx, now, [{ ...about(row, caller), type: 'notebook.updated', data }])
      })
    } catch (error) {
      if (name !== undefined && isUniqueViolation(error)) throw new AppError('name_taken', { noun: 'notebook', name })
      throw error
    }
    deps.loop.wake(row.id)
    return show(deps, caller, row.id, origins)
  },

  async wait({ caller, params, query, signal, origins }, deps) {
    const { id } = await findNotebook(deps, caller, params.notebook)
    const wanted: readonly string[] = query.state === undefined ? ['running', 'stopped', 'error'] : [query.state].flat()
    const timeout = new AbortController()
    const cancel = deps.clock.after(query.seconds * 1000, () => timeout.abort())
    const arrived = async () => wanted.includes((await findNotebook(deps, caller, id)).state)
    try {
      const after = await deps.feed.latest()
      if (query.seconds === 0 || (await arrived())) return await show(deps, caller, id, origins)
      const either = AbortSignal.any([signal, timeout.signal])
      for await (const _ of deps.feed.follow(caller.teamId, { after, subject: id, signal: either })) {
        if (await arrived()) break
      }
      return await show(deps, caller, id, origins)
    } finally {
      cancel()
    }
  },

  async start({ caller, params, body, origins, signal }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    await startNotebook(deps, caller, row, body, signal)
    return show(deps, caller, row.id, origins)
  },

  async stop({ caller, params, body, origins }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    if (can('stop', row)) await deps.jupyter.flush(row.id)
    if (can('stop', row)) await stopNotebook(deps, caller, row, Math.round(body.graceSeconds * 1000))
    return show(deps, caller, row.id, origins)
  },

  async extend({ caller, params, body, origins }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    if (!can('extend', row)) throw refused(row, 'there is nothing to extend')
    await extendNotebook(deps, caller, row, body.seconds)
    return show(deps, caller, row.id, origins)
  },

  async fork({ caller, params, body, origins, signal }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    return show(deps, caller, await forkNotebook(deps, caller, row, body, signal), origins)
  },

  async rebuild({ caller, params, origins }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    if (!can('rebuild', row)) throw refused(row, 'stop it first, then rebuild its environment')
    await rebuildNotebook(deps, caller, row)
    return show(deps, caller, row.id, origins)
  },

  async delete({ caller, params, query }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    if (!can('delete', row) && !query.force) throw refused(row, 'stop it first, or delete it with force')
    const now = deps.clock.now()
    await change(deps, async (trx) => {
      await trx
        .updateTable('notebooks')
        .set(({ eb }) => ({
          deletedAt: toIso(now),
          stopRequestedAt: row.stopRequestedAt ?? toIso(now),
          stopGraceMs: 0,
          shareId: null,
          version: eb('version', '+', 1),
        }))
        .where('id', '=', row.id)
        .execute()
      await recordEvents(trx, now, [{ ...about(row, caller), type: 'notebook.deleted', data: { name: row.name } }])
    })
    await deps.jupyter.remove(row.id)
    deps.loop.wake(row.id)
    return { deleted: true }
  },

  async open({ caller, params, body, origins }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    return openServedLink(deps, { caller, origins }, labelOf(row.id), body.path)
  },

  async packages({ caller, params }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    return readInstalled(deps.volumes.volumeDir(row.environmentId))
  },
}

async function show(deps: Deps, caller: Caller, reference: string, origins: Origins) {
  return toNotebook(deps, await findNotebook(deps, caller, reference), origins)
}

/** What is given of a spec takes the place of what was there, unless it makes no sense together. */
async function updateSpec(
  deps: Deps,
  trx: Trx,
  caller: Caller,
  id: string,
  changes: Record<string, unknown>,
): Promise<void> {
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
  if (Object.keys(given).length === 0) return
  const row = await trx.selectFrom('notebooks').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  const stored = readNotebook(row)
  const spec = { ...stored.spec, ...given }
  await checkSpec(deps, trx, caller, row.projectId, spec, row.sealedLogin !== null && spec.image !== 'host')
  await trx
    .updateTable('notebooks')
    .set(({ eb }) => ({
      spec: JSON.stringify({ ...stored, spec } satisfies StoredNotebook),
      version: eb('version', '+', 1),
    }))
    .where('id', '=', id)
    .execute()
}

const can = (action: keyof typeof notebookCan, row: NotebookRow): boolean =>
  (notebookCan[action] as readonly NotebookState[]).includes(row.state as NotebookState)

const refused = (row: NotebookRow, advice: string): AppError =>
  new AppError('conflict', { detail: `The notebook ${row.name} is ${row.state}: ${advice}.` })
