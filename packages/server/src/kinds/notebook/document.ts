import { text as readText } from 'node:stream/consumers'
import { type CellOutput, type NotebookCell, type NotebookDocument, notebookLimits } from '@nabla/api/notebook'
import { AppError } from '../../lib/app-error.ts'
import type { Files } from '../../volumes/files.ts'
import { sizeText } from '../../volumes/meter.ts'
import { parametersIn } from './parameters.ts'

/**
 * A notebook file as cells that can be shown, by the format of Jupyter
 * (https://nbformat.readthedocs.io/en/latest/format_description.html), versions 3 and 4. Whatever is in the file, what
 * comes of it has the form of the contract; nothing of it is run, and nothing is taken for a page. Throws AppError
 * `bad_notebook`, `notebook_too_large`, `file_not_found` or `bad_path`.
 */
export async function readDocument(
  files: Files,
  { path, offset, limit }: { path: string; offset: number; limit: number },
): Promise<NotebookDocument> {
  const { sizeBytes, document } = await parseNotebook(files, path)
  const all = cellsOf(document)
  const metadata = record(document['metadata'])
  const info = record(metadata['language_info'])
  const spec = record(metadata['kernelspec'])
  const language = asText(info['name']) || asText(spec['language']) || null
  const tagged = all.map(toCell).find((cell) => cell.kind === 'code' && cell.tags.includes('parameters'))
  return {
    path,
    sizeBytes,
    language,
    kernel: asText(spec['display_name']) || null,
    format: `${whole(document['nbformat']) ?? 0}.${whole(document['nbformat_minor']) ?? 0}`,
    cells: all.slice(offset, offset + limit).map(toCell),
    next: offset + limit < all.length ? offset + limit : null,
    parameters: tagged ? parametersIn(tagged.source) : [],
  }
}

/** The JSON of a notebook file. Throws as `readDocument` does. */
export async function parseNotebook(
  files: Files,
  path: string,
): Promise<{ sizeBytes: number; document: Record<string, unknown> }> {
  const bad = (reason: string) => new AppError('bad_notebook', { path, reason })
  if (!path.endsWith('.ipynb')) throw bad('its name does not end with .ipynb')
  const file = await files.openRead(path)
  const { sizeBytes } = file
  if (sizeBytes > notebookLimits.documentBytes) {
    file.stream.destroy()
    const [size, most] = [sizeText(sizeBytes), sizeText(notebookLimits.documentBytes)]
    throw new AppError('notebook_too_large', { path, size, most })
  }
  const text = await readText(file.stream)
  if (text.trim() === '') throw bad('it is empty')
  let document: Record<string, unknown>
  try {
    document = record(JSON.parse(text))
  } catch {
    throw bad('it is damaged: it is not JSON')
  }
  const hasCells = Array.isArray(document['cells']) || Array.isArray(document['worksheets'])
  if (whole(document['nbformat']) === null || !hasCells) throw bad('it is JSON, but has no cells')
  return { sizeBytes, document }
}

/** Cells of version 4, or of the worksheets of version 3. */
function cellsOf(document: Record<string, unknown>): Record<string, unknown>[] {
  const sheets = list(document['worksheets']).flatMap((sheet) => list(record(sheet)['cells']))
  return [...list(document['cells']), ...sheets].map(record)
}

function toCell(cell: Record<string, unknown>): NotebookCell {
  const type = cell['cell_type']
  const source = joined(cell['source'] ?? cell['input'])
  const kind = type === 'code' ? 'code' : type === 'raw' ? 'raw' : 'markdown'
  const tags = list(record(cell['metadata'])['tags']).filter((tag) => typeof tag === 'string')
  return {
    kind,
    // A heading was a cell of its own in version 3.
    source: type === 'heading' ? `${'#'.repeat(Math.min(6, whole(cell['level']) ?? 1))} ${source}` : source,
    tags,
    executionCount: whole(cell['execution_count'] ?? cell['prompt_number']),
    outputs: kind === 'code' ? list(cell['outputs']).map((output) => toOutput(record(output))) : [],
  }
}

function toOutput(output: Record<string, unknown>): CellOutput {
  const type = output['output_type']
  if (type === 'stream') {
    const stream = (output['name'] ?? output['stream']) === 'stderr' ? 'stderr' : 'stdout'
    return { kind: 'text', stream, ...cut(joined(output['text'])) }
  }
  if (type === 'error' || type === 'pyerr') {
    const traceback = list(output['traceback']).map(asText).join('\n')
    return { kind: 'error', ...cut(traceback || `${asText(output['ename'])}: ${asText(output['evalue'])}`) }
  }
  return toData(output)
}

function toData(output: Record<string, unknown>): CellOutput {
  const data: Record<string, string> = {}
  let isCut = false
  for (const [name, value] of Object.entries(output['data'] === undefined ? older(output) : record(output['data']))) {
    const text = typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : joined(value)
    // Half a picture, or half of some JSON, is none.
    const isPlain = name === 'text/plain'
    if (text.length <= notebookLimits.outputBytes) data[name] = text
    else if (isPlain) data[name] = text.slice(0, notebookLimits.outputBytes)
    isCut ||= text.length > notebookLimits.outputBytes
  }
  return { kind: 'data', data, cut: isCut }
}

/** In version 3 the kinds of data stood beside the type, under short names. */
function older(output: Record<string, unknown>): Record<string, unknown> {
  const names = { text: 'text/plain', html: 'text/html', png: 'image/png', jpeg: 'image/jpeg', svg: 'image/svg+xml' }
  const found = Object.entries(names).filter(([name]) => output[name] !== undefined)
  return Object.fromEntries(found.map(([name, mime]) => [mime, output[name]]))
}

const cut = (text: string): { text: string; cut: boolean } => ({
  text: text.slice(0, notebookLimits.outputBytes),
  cut: text.length > notebookLimits.outputBytes,
})

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

const asText = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Text is one string, or a list of lines. */
const joined = (value: unknown): string => (Array.isArray(value) ? value.map(asText).join('') : asText(value))

const whole = (value: unknown): number | null => (Number.isSafeInteger(value) ? (value as number) : null)
