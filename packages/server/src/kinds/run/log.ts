import { runLimits } from '@nabla/api/run'
import type { RunRow } from '../../db/run-tables.ts'
import { inTransaction } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import type { Logged } from '../../tracking/tracking-store.ts'

/** MLflow keeps name and note of a run among its tags; here they have columns of their own. */
const columnOf: Record<string, 'name' | 'note'> = { 'mlflow.runName': 'name', 'mlflow.note.content': 'note' }

/** Keeps what a program logs of a run; see `TrackingStore.log`. */
export async function logTo(deps: Deps, run: Pick<RunRow, 'id'>, logged: Logged): Promise<void> {
  for (const { name } of logged.points) checkName(name)
  await deps.tracking.log(run.id, logged)
  const changes: Partial<Pick<RunRow, 'name' | 'note'>> = {}
  for (const [name, value] of logged.labels) {
    const column = columnOf[name]
    if (column) changes[column] = value
  }
  if (Object.keys(changes).length === 0) return
  await inTransaction(deps.db, (trx) => trx.updateTable('runs').set(changes).where('id', '=', run.id).execute())
}

function checkName(name: string): void {
  if (name.length <= runLimits.nameLength && name !== '') return
  const detail = `The name of a metric has 1 to ${runLimits.nameLength} characters, and not ${name.length}.`
  throw new AppError('invalid', { detail })
}
