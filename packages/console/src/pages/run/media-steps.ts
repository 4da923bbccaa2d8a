import type { FileEntry } from '@nabla/api/file'

/** Something that was logged again and again: a picture, a table or a text at each step. */
export interface MediaSeries {
  key: string
  /** By step. */
  items: readonly { step: number; file: FileEntry }[]
}

/** Endings of files that are looked at here; all else is among the artifacts. */
const shown = /\.(png|jpe?g|gif|webp|svg|bmp|csv|tsv|json|jsonl|txt|md|html?|wav|mp3|ogg|mp4|webm)$/i

/**
 * Finds what was logged by step among artifacts, by their names: as `mlflow.log_image(image, key="dogs", step=3)` names
 * them, `images/dogs%step%3%timestamp%1700000000%….png` (mlflow/tracking/client.py, `log_image`), or with a number of
 * the step at the end, `samples/dogs_000300.png`, `dogs-step-300.txt`. What has only one step is left out, unless its
 * name says that it is a step.
 */
export function findMedia(files: readonly FileEntry[]): MediaSeries[] {
  const found = new Map<string, { step: number; file: FileEntry; isSaid: boolean }[]>()
  for (const file of files) {
    const read = file.type === 'file' && shown.test(file.path) ? readName(file.path) : undefined
    if (!read) continue
    const items = found.get(read.key) ?? []
    // MLflow keeps a small copy of each picture beside it.
    const same = items.findIndex((item) => item.step === read.step)
    if (same === -1) items.push({ step: read.step, file, isSaid: read.isSaid })
    else if (file.sizeBytes > items[same]!.file.sizeBytes) items[same] = { ...items[same]!, file }
    found.set(read.key, items)
  }
  return [...found]
    .filter(([, items]) => items.length > 1 || items[0]!.isSaid)
    .map(([key, items]) => ({
      key,
      items: items.map(({ step, file }) => ({ step, file })).sort((one, other) => one.step - other.step),
    }))
    .sort((one, other) => one.key.localeCompare(other.key, 'en', { numeric: true }))
}

function readName(path: string): { key: string; step: number; isSaid: boolean } | undefined {
  const mlflow = /^(.*?)([^/]*)[%+]step[%+](\d+)[%+]timestamp/.exec(path)
  // A slash in the key stands there as a hash sign.
  if (mlflow) return { key: mlflow[1]! + mlflow[2]!.replaceAll('#', '/'), step: Number(mlflow[3]), isSaid: true }
  const [, begin, ending] = /^(.*)\.(\w+)$/.exec(path) ?? []
  if (begin === undefined) return undefined
  const numbered = /^(.*?)[-_ ./]?(step|epoch|iter|iteration)?[-_=]?(\d{1,12})$/i.exec(begin)
  if (!numbered || numbered[1] === '') return undefined
  return { key: `${numbered[1]}.${ending}`, step: Number(numbered[3]), isSaid: numbered[2] !== undefined }
}
