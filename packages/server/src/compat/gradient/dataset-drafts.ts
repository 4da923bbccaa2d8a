import type { GradientDraftRow } from '../../db/gradient-tables.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Exchange } from './route.ts'
import { untilReady } from './until-ready.ts'

/**
 * A version of a dataset never changes here, but old clients fill one file by file before they commit it. Until then
 * it is a draft: a row, and a folder in the storage of the team, where what is sent counts against its quota and
 * nothing is lost. It keeps its id, which goes on meaning the version that it became.
 */
export type Draft = GradientDraftRow

/** Where the files of a draft are in storage; parts of large ones are beside them. */
export const filesOf = (draft: Pick<Draft, 'id'>): string => `.gradient/${draft.id}/files`
export const partsOf = (draft: Pick<Draft, 'id'>): string => `.gradient/${draft.id}/parts`

export const isDraft = ({ version }: Draft): boolean => version === null

export async function makeDraft(exchange: Exchange, datasetId: string, message: string): Promise<Draft> {
  const { call, caller, deps } = exchange
  const now = toIso(deps.clock.now())
  const draft: Draft = {
    id: newId('version'),
    teamId: caller.teamId,
    datasetId,
    message,
    version: null,
    createdAt: now,
  }
  await call('storage', 'makeFolder', { body: { path: filesOf(draft) } })
  await deps.db.insertInto('gradientDrafts').values(draft).execute()
  return draft
}

/** The draft of that id, or what it became; undefined for versions that were never one. */
export async function findDraft({ db }: Pick<Deps, 'db'>, datasetId: string, id: string): Promise<Draft | undefined> {
  return db
    .selectFrom('gradientDrafts')
    .selectAll()
    .where('id', '=', id)
    .where('datasetId', '=', datasetId)
    .executeTakeFirst()
}

/** The number or tag of a version, which may be named by the id of the draft that it was. Throws AppError `conflict`. */
export async function numberOf(deps: Pick<Deps, 'db'>, datasetId: string, version: string): Promise<string> {
  const draft = await findDraft(deps, datasetId, version)
  if (!draft) return version
  if (draft.version !== null) return String(draft.version)
  throw new AppError('conflict', { detail: `Version ${version} is not committed yet.` })
}

export async function setMessage({ db }: Pick<Deps, 'db'>, draft: Draft, message: string): Promise<void> {
  await db.updateTable('gradientDrafts').set({ message }).where('id', '=', draft.id).execute()
}

/** Makes a version of a draft, and waits until it is ready. Throws AppError `conflict` when it fails. */
export async function commitDraft(exchange: Exchange, draft: Draft): Promise<Draft> {
  const { call, deps } = exchange
  const { datasetId: dataset, message } = draft
  const after = await deps.feed.latest()
  const source = { from: 'storage', path: filesOf(draft) } as const
  const made = await call('dataset', 'commit', { dataset, body: { source, message } })
  const { version } = made
  await deps.db.updateTable('gradientDrafts').set({ version }).where('id', '=', draft.id).execute()
  const read = (number: string) => call('dataset', 'version', { dataset, version: number })
  const { state } = await untilReady(exchange, made, { subject: dataset, after, read }).catch(
    async (error: unknown) => {
      await deps.db.updateTable('gradientDrafts').set({ version: null }).where('id', '=', draft.id).execute()
      throw error
    },
  )
  if (state === 'ready') await call('storage', 'delete', { path: `.gradient/${draft.id}`, recursive: true })
  return { ...draft, version }
}

export async function dropDraft({ call, deps }: Exchange, draft: Draft): Promise<void> {
  await deps.db.deleteFrom('gradientDrafts').where('id', '=', draft.id).execute()
  if (isDraft(draft)) await call('storage', 'delete', { path: `.gradient/${draft.id}`, recursive: true })
}
