import type { notebookRoutes } from '@nabla/api/notebook'
import type { z } from 'zod'
import type { NotebookRow } from '../../db/notebook-tables.ts'
import { inTransaction } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { limits } from '../../lib/limits.ts'
import type { Caller } from '../kind.ts'
import { workspaceOfTree } from '../workspace.ts'
import { findVersion } from './files.ts'
import { readInstalled, toRequirements } from './installed.ts'
import { makeNotebook } from './make.ts'
import { readNotebook } from './planned.ts'
import { mergePackages } from './session.ts'

type ForkBody = z.output<(typeof notebookRoutes)['fork']['body']>

/**
 * Makes another notebook with the files and the packages of this one. Variables stay behind that hold secrets, and a
 * login for its registry. Answers with its id.
 */
export async function forkNotebook(
  deps: Deps,
  caller: Caller,
  row: NotebookRow & { projectName: string },
  asked: ForkBody,
  signal: AbortSignal,
): Promise<string> {
  if (deps.ballast.isReleased) throw new AppError('disk_full')
  const { spec } = readNotebook(row)
  const { digest, packages } = await contentsOf(deps, row, asked.version, signal)
  const seedId = digest === null ? row.seedId : (await workspaceOfTree(deps, row.teamId, digest)).id
  const env = Object.fromEntries(Object.entries(spec.env).filter(([, value]) => !value.startsWith('secret:')))
  return makeNotebook(deps, caller, {
    ...spec,
    env,
    packages: mergePackages(spec.packages, packages),
    machineType: asked.machineType ?? row.machineType,
    name: asked.name ?? (await freeName(deps, row, asked.project)),
    project: asked.project ?? row.projectId,
    workspace: { from: 'nothing' },
    tags: [],
    start: asked.start,
    parentNotebookId: row.id,
    seedId,
  })
}

/** The tree of the files as they are, or of a version; null: they are those of its seed. With what was installed. */
export async function contentsOf(
  deps: Deps,
  row: NotebookRow,
  version: number | undefined,
  signal: AbortSignal,
): Promise<{ digest: string | null; packages: string[] }> {
  if (version !== undefined) {
    const found = await findVersion(deps, row, version)
    return { digest: found.digest, packages: JSON.parse(found.packages) as string[] }
  }
  if (row.seededAt === null) return { digest: null, packages: [] }
  const { items } = await readInstalled(deps.volumes.volumeDir(row.environmentId))
  const { tree } = await deps.trees.ingest(row.teamId, deps.volumes.volumeDir(row.filesId), signal)
  return { digest: tree.digest, packages: toRequirements(items) }
}

/** `name-fork`, `name-fork-2` and so on, whatever is free in the project. */
async function freeName(deps: Deps, row: NotebookRow, project: string | undefined): Promise<string> {
  const base = `${row.name.slice(0, 80)}-fork`
  if (project !== undefined && project !== row.projectId) return base
  const taken = await inTransaction(deps.db, (trx) =>
    trx
      .selectFrom('notebooks')
      .select('name')
      .where('projectId', '=', row.projectId)
      .where('deletedAt', 'is', null)
      .where('name', '>=', base)
      .where('name', '<', `${base}\u{10ffff}`)
      .limit(limits.notebookNames)
      .execute(),
  )
  const names = new Set(taken.map(({ name }) => name))
  for (let count = 1; ; count++) {
    const name = count === 1 ? base : `${base}-${count}`
    if (!names.has(name)) return name
  }
}
