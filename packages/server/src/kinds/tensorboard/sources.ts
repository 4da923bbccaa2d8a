import { tensorboardLimits } from '@nabla/api/tensorboard'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { findExperiment } from '../experiment/view.ts'
import type { Caller } from '../kind.ts'
import { readSources } from './task.ts'
import { findTensorboard } from './view.ts'

/**
 * Lets a TensorBoard show more experiments, or some no longer. One that runs shows the new ones once it is opened
 * again. Throws AppError `not_found`, `invalid` and `conflict`.
 */
export async function changeExperiments(
  deps: Deps,
  caller: Caller,
  reference: string,
  { added, removed }: { added: readonly string[]; removed: readonly string[] },
): Promise<void> {
  const row = await findTensorboard(deps.db, caller, reference)
  const { jobs, experiments } = readSources(row)
  const more = []
  for (const one of added) more.push((await findExperiment(deps, caller, one)).id)
  const left = [...new Set([...experiments, ...more])].filter((id) => !removed.includes(id))
  if (left.length + jobs.length === 0) {
    throw new AppError('invalid', { detail: 'A TensorBoard shows something: delete it if it is not needed.' })
  }
  if (left.length + jobs.length > tensorboardLimits.sources) {
    throw new AppError('invalid', { detail: `A TensorBoard shows at most ${tensorboardLimits.sources} of them.` })
  }
  const { numUpdatedRows } = await deps.db
    .updateTable('tensorboards')
    .set(({ eb }) => ({ sources: JSON.stringify({ jobs, experiments: left }), version: eb('version', '+', 1) }))
    .where('id', '=', row.id)
    .where('version', '=', row.version)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) throw new AppError('conflict', { detail: `${row.name} was changed meanwhile.` })
}
