import type { Secret } from '@nabla/api/secret'
import type { Kysely } from 'kysely'
import { isAfter, toPage } from '../db/paging.ts'
import type { Tables } from '../db/tables.ts'
import type { Trx } from '../db/transaction.ts'
import type { Deps } from '../deps.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { SecretBox } from '../lib/secret-box.ts'
import type { Caller, Handlers } from './kind.ts'
import { findProject, holdProject } from './project.ts'

export const secretHandlers: Handlers<'secret'> = {
  async list({ caller, query }, { db }) {
    let rows = db
      .selectFrom('secrets')
      .leftJoin('projects', 'projects.id', 'secrets.projectId')
      .select(['secrets.id', 'secrets.name', 'secrets.createdAt', 'secrets.updatedAt'])
      .select(['projects.id as projectId', 'projects.name as projectName'])
      .where('secrets.teamId', '=', caller.teamId)
    if (query.project !== undefined) {
      const project = await findProject(db, caller.teamId, query.project)
      rows = rows.where('secrets.projectId', '=', project.id)
    }
    const found = await rows
      .where(isAfter('secrets.createdAt', 'secrets.id', query.after))
      .orderBy('secrets.createdAt', 'desc')
      .orderBy('secrets.id', 'desc')
      .limit(query.limit + 1)
      .execute()
    return toPage(found, query.limit, (row) => row, toSecret)
  },

  async set({ caller, params, query, body }, deps) {
    const now = deps.clock.now()
    const { name } = params
    if (body.value.includes('\u0000')) {
      throw new AppError('invalid', { detail: 'A secret cannot hold a NUL character: no variable can.' })
    }
    return change(deps, async (trx) => {
      const project = query.project === undefined ? null : await holdProject(trx, caller.teamId, query.project)
      const projectId = project?.id ?? wholeTeam
      const sealed = deps.box.seal(body.value, contextOf(caller.teamId, projectId, name))
      const at = toIso(now)
      const row = await trx
        .insertInto('secrets')
        .values({ id: newId('secret'), teamId: caller.teamId, projectId, name, sealed, createdAt: at, updatedAt: at })
        .onConflict((c) => c.columns(['teamId', 'projectId', 'name']).doUpdateSet({ sealed, updatedAt: at }))
        .returning(['id', 'name', 'updatedAt'])
        .executeTakeFirstOrThrow()
      await recordEvents(trx, now, [
        {
          teamId: caller.teamId,
          projectId: project?.id ?? null,
          subject: row.id,
          type: 'secret.set',
          actor: caller.userName,
          data: { name },
        },
      ])
      return toSecret({ ...row, projectId: project?.id ?? null, projectName: project?.name ?? null })
    })
  },

  async delete({ caller, params, query }, deps) {
    const now = deps.clock.now()
    const { name } = params
    await change(deps, async (trx) => {
      const project = query.project === undefined ? null : await findProject(trx, caller.teamId, query.project)
      const row = await trx
        .deleteFrom('secrets')
        .where('teamId', '=', caller.teamId)
        .where('projectId', '=', project?.id ?? wholeTeam)
        .where('name', '=', name)
        .returning('id')
        .executeTakeFirst()
      if (!row) throw new AppError('not_found', { noun: 'secret', id: name })
      const event = { teamId: caller.teamId, projectId: project?.id ?? null, subject: row.id, type: 'secret.deleted' }
      await recordEvents(trx, now, [{ ...event, actor: caller.userName, data: { name } }])
    })
    return { deleted: true }
  },
}

/** Throws AppError `unknown_secret` when a value names a secret that is not there. */
export async function checkSecrets(
  deps: Pick<Deps, 'box'>,
  trx: Trx,
  caller: Caller,
  projectId: string,
  values: readonly string[],
): Promise<void> {
  const names = values.filter((value) => value.startsWith('secret:')).map((value) => value.slice('secret:'.length))
  if (names.length === 0) return
  const found = await resolveSecrets(trx, deps.box, caller.teamId, projectId, names)
  const missing = names.find((name) => !found.has(name))
  if (missing !== undefined) throw new AppError('unknown_secret', { name: missing })
}

/**
 * The values of secrets as a job of this project gets them: those of the project go before those of the team. A name
 * that there is no secret of is missing in the result. Throws AppError `secret_unreadable`.
 */
export async function resolveSecrets(
  db: Kysely<Tables>,
  box: SecretBox,
  teamId: string,
  projectId: string,
  names: readonly string[],
): Promise<Map<string, string>> {
  if (names.length === 0) return new Map()
  const rows = await db
    .selectFrom('secrets')
    .select(['name', 'projectId', 'sealed'])
    .where('teamId', '=', teamId)
    .where('projectId', 'in', [wholeTeam, projectId])
    .where('name', 'in', [...new Set(names)])
    .execute()
  const chosen = new Map(rows.filter((row) => row.projectId === wholeTeam).map((row) => [row.name, row]))
  for (const row of rows) if (row.projectId !== wholeTeam) chosen.set(row.name, row)
  return new Map([...chosen].map(([name, row]) => [name, box.open(row.sealed, contextOf(teamId, row.projectId, name))]))
}

/** `projectId` of the secrets that every project of the team gets. */
const wholeTeam = ''

/** What a value is sealed for: in another row it cannot be opened. */
const contextOf = (teamId: string, projectId: string, name: string): string => `${teamId}/${projectId}/${name}`

function toSecret(row: {
  name: string
  updatedAt: string
  projectId: string | null
  projectName: string | null
}): Secret {
  const { name, updatedAt, projectId, projectName } = row
  const project = projectId === null || projectName === null ? null : { id: projectId, name: projectName }
  return { name, project, updatedAt }
}
