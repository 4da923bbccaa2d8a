import type { FileEntry } from '@nabla/api/file'
import type { Run } from '@nabla/api/run'

/** Something that was logged again and again: a picture, a table or a text at each step. */
export interface MediaSeries {
  key: string
  /** By step; null: it was logged once, for all of it. */
  items: readonly { step: number | null; file: FileEntry }[]
}

/** Endings of files that are looked at here; all else is among the artifacts. */
const shown = /\.(png|jpe?g|gif|webp|svg|bmp|csv|tsv|json|jsonl|txt|md|html?|wav|mp3|ogg|mp4|webm)$/i

/**
 * Finds what was logged by step among artifacts, by their names: as `mlflow.log_image(image, key="dogs", step=3)` names
 * them, `images/dogs%step%3%timestamp%1700000000%….png` (mlflow/tracking/client.py, `log_image`), or with a number of
 * the step at the end, `samples/dogs_000300.png`, `dogs-step-300.txt`. What has only one step is left out, unless its
 * name says that it is a step.
 *
 * @param tables paths of files that were logged as tables, which have no steps
 * @param run id of the run; of the other runs of its job, each of which has a folder of its own, nothing is taken
 */
export function findMedia(files: readonly FileEntry[], tables: readonly string[] = [], run = ''): MediaSeries[] {
  const found = new Map<string, { step: number; file: FileEntry; isSaid: boolean }[]>()
  for (const file of files) {
    // MLflow keeps a small copy of each picture beside it.
    const isCopy = /[%+]compressed\.webp$/.test(file.path)
    const path = pathIn(file.path, run)
    const read = file.type === 'file' && !isCopy && shown.test(path) ? readName(path) : undefined
    if (!read) continue
    const items = found.get(read.key) ?? []
    // One that was logged twice counts as it was logged last.
    const same = items.findIndex((item) => item.step === read.step)
    if (same === -1) items.push({ step: read.step, file, isSaid: read.isSaid })
    else if (file.modifiedAt > items[same]!.file.modifiedAt) items[same] = { ...items[same]!, file }
    found.set(read.key, items)
  }
  const whole = files
    .filter(({ path }) => tables.includes(path))
    .map((file): MediaSeries => ({ key: file.path, items: [{ step: null, file }] }))
  const stepped = [...found]
    .filter(([, items]) => items.length > 1 || items[0]!.isSaid)
    .map(([key, items]) => ({
      key,
      items: items.toSorted((one, other) => one.step - other.step).map(({ step, file }) => ({ step, file })),
    }))
  return [...stepped, ...whole].sort((one, other) => one.key.localeCompare(other.key, 'en', { numeric: true }))
}

/** Without the folder that a run has among the artifacts of its job; '' for what is in that of another run. */
function pathIn(path: string, run: string): string {
  const [, owner, rest] = /^runs\/(ru[0-9a-z]{16})\/(.*)$/.exec(path) ?? []
  if (owner === undefined || rest === undefined || run === '') return path
  return owner === run ? rest : ''
}

function readName(path: string): { key: string; step: number; isSaid: boolean } | undefined {
  const mlflow = /^(.*?)([^/]*)[%+]step[%+](\d+)[%+]timestamp/.exec(path)
  // A slash in the key stands there as another sign.
  if (mlflow) return { key: mlflow[1]! + mlflow[2]!.replaceAll(/[#~]/g, '/'), step: Number(mlflow[3]), isSaid: true }
  const [, begin, ending] = /^(.*)\.(\w+)$/.exec(path) ?? []
  if (begin === undefined) return undefined
  const numbered = /^(.*?)[-_ ./]?(step|epoch|iter|iteration)?[-_=]?(\d{1,12})$/i.exec(begin)
  if (!numbered || numbered[1] === '') return undefined
  return { key: `${numbered[1]}.${ending}`, step: Number(numbered[3]), isSaid: numbered[2] !== undefined }
}

/** Paths of what a run says that it logged as tables: a label that MLflow's client sets (`log_table`). */
export function tablesOf({ id, job, labels }: Pick<Run, 'id' | 'job' | 'labels'>): string[] {
  try {
    const logged = JSON.parse(labels['mlflow.loggedArtifacts'] ?? '[]') as { path?: unknown; type?: unknown }[]
    const tables = logged.flatMap(({ path, type }) => (type === 'table' && typeof path === 'string' ? [path] : []))
    return tables.map((path) => (job ? `runs/${id}/${path}` : path))
  } catch {
    return []
  }
}
