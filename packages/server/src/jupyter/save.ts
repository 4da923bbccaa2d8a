import { limits } from '../lib/limits.ts'
import { putOutputs } from './notebook-file.ts'
import type { KernelRuns } from './kernel-runs.ts'
import { ask, type Contents, contentsPath, type JupyterPlace } from './rest.ts'
import { isOlder, isSaved, type Run } from './runs.ts'

/**
 * Writes what runs left into the notebook file, through Jupyter, so that whoever opens it sees it. Runs that a page
 * shows are left to that page. What a page has saved itself, after a run had ended, is as somebody wanted it: it is not
 * touched. Resolves with whether the file was changed; throws JupyterError or the error of a connection.
 */
export async function saveRuns(
  place: JupyterPlace,
  runs: KernelRuns,
  isShown: (run: Run) => boolean,
): Promise<boolean> {
  const { path } = runs
  const unsaved = runs.all.filter((run) => run.cellId !== null && !isSaved(run))
  if (path === null || unsaved.length === 0) return false
  const state = (await ask(place, 'GET', `${contentsPath(path)}?content=0`)) as Contents
  const isOthers = !runs.isOwnWrite(state.last_modified)
  const byPage = unsaved.filter((run) => isOthers && run.ended && isOlder(run, state.last_modified))
  runs.savedByPage(byPage)
  const open = unsaved.filter((run) => !isShown(run) && !byPage.includes(run))
  if (open.length === 0 || state.type !== 'notebook' || (state.size ?? 0) > limits.jupyterAnswerBytes / 2) return false
  const file = (await ask(place, 'GET', `${contentsPath(path)}?content=1&type=notebook`)) as Contents
  if (!file.content) return false
  const cells = open.map(({ cellId, code, count, outputs }) => ({ cellId, code, count, outputs: outputs.items }))
  const written = open.map((run) => ({ run, changes: run.changes }))
  const changed = putOutputs(file.content, cells)
  if (changed === 0) {
    runs.written(written, '')
    return false
  }
  const body = { type: 'notebook', format: 'json', content: file.content }
  const saved = (await ask(place, 'PUT', contentsPath(path), body)) as Contents
  runs.written(written, saved.last_modified)
  return true
}
