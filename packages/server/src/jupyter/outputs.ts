import { limits } from '../lib/limits.ts'

/** One output of a cell, as notebook files hold it: https://nbformat.readthedocs.io/en/latest/format_description.html */
export type Output =
  | { output_type: 'stream'; name: string; text: string }
  | { output_type: 'display_data'; data: Json; metadata: Json }
  | { output_type: 'execute_result'; data: Json; metadata: Json; execution_count: number | null }
  | { output_type: 'error'; ename: string; evalue: string; traceback: string[] }

export type Json = Record<string, unknown>

/** The outputs of one run of a cell, put together of messages. It can be written as JSON and read again. */
export interface Outputs {
  items: Output[]
  /** Where each display id was shown: indexes of `items`. */
  displays: Record<string, number[]>
  /** `clear_output(wait=True)` came: the next output takes the place of all. */
  clearNext: boolean
  /** Characters in all of them, roughly. */
  size: number
}

export const noOutputs = (): Outputs => ({ items: [], displays: {}, clearNext: false, size: 0 })

/**
 * Takes in a message of the channel iopub, by the rules by which JupyterLab does. Answers whether there was anything to
 * be taken. What does not fit into `limits.jupyterOutputBytes` is left out of the middle, and a line says so.
 */
export function takeOutput(outputs: Outputs, type: string, content: Json): boolean {
  if (type === 'clear_output') {
    if (content['wait'] === true) outputs.clearNext = true
    else clear(outputs)
    return true
  }
  if (type === 'update_display_data') return updateDisplay(outputs, content)
  const output = outputOf(type, content)
  if (!output) return false
  if (outputs.clearNext) clear(outputs)
  const last = outputs.items.at(-1)
  if (output.output_type === 'stream' && last?.output_type === 'stream' && last.name === output.name) {
    const before = last.text.length
    last.text = shorten(overwrite(last.text, output.text))
    outputs.size += last.text.length - before
    return true
  }
  if (output.output_type === 'stream') output.text = shorten(overwrite('', output.text))
  add(outputs, output)
  const id = displayIdOf(content)
  if (id !== undefined) (outputs.displays[id] ??= []).push(outputs.items.length - 1)
  return true
}

/** Whether a display id was shown among these: an update is for them too. */
export const showsDisplay = (outputs: Outputs, content: Json): boolean => {
  const id = displayIdOf(content)
  return id !== undefined && Object.hasOwn(outputs.displays, id)
}

function add(outputs: Outputs, output: Output): void {
  const size = sizeOf(output)
  const isFull = outputs.size + size > limits.jupyterOutputBytes || outputs.items.length >= limits.jupyterOutputs
  const last = outputs.items.at(-1)
  if (isFull && last?.output_type === 'stream' && last.text === fullNote) return
  const kept: Output = isFull ? { output_type: 'stream', name: 'stderr', text: fullNote } : output
  outputs.items.push(kept)
  outputs.size += sizeOf(kept)
}

const fullNote = '[More output came here than can be kept.]\n'

function clear(outputs: Outputs): void {
  Object.assign(outputs, noOutputs())
}

function updateDisplay(outputs: Outputs, content: Json): boolean {
  const places = showsDisplay(outputs, content) ? (outputs.displays[displayIdOf(content) ?? ''] ?? []) : []
  for (const place of places) {
    const before = outputs.items[place]
    if (!before || !('data' in before)) continue
    const { data = {}, metadata = {} } = content as { data?: Json; metadata?: Json }
    const after = { ...before, data, metadata }
    if (outputs.size - sizeOf(before) + sizeOf(after) > limits.jupyterOutputBytes) continue
    outputs.items[place] = after
    outputs.size += sizeOf(after) - sizeOf(before)
  }
  return places.length > 0
}

function outputOf(type: string, content: Json): Output | undefined {
  const { data = {}, metadata = {} } = content as { data?: Json; metadata?: Json }
  switch (type) {
    case 'stream':
      return { output_type: type, name: textOf(content['name']) || 'stdout', text: textOf(content['text']) }
    case 'display_data':
      return { output_type: type, data, metadata }
    case 'execute_result':
      return { output_type: type, data, metadata, execution_count: Number(content['execution_count'] ?? 0) || null }
    case 'error': {
      const { ename = '', evalue = '', traceback = [] } = content
      const lines = Array.isArray(traceback) ? traceback.map(String) : []
      return { output_type: type, ename: textOf(ename), evalue: textOf(evalue), traceback: lines }
    }
    default:
      return undefined
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

function displayIdOf(content: Json): string | undefined {
  const { display_id: id } = (content['transient'] ?? {}) as { display_id?: unknown }
  return typeof id === 'string' && id !== '' ? id : undefined
}

/**
 * Text with more of it, where a carriage return goes back to the beginning of the line and what follows takes the place
 * of what stood there: progress bars write thousands of these, and only the last one is seen.
 */
function overwrite(before: string, more: string): string {
  const text = before + more
  const from = before.lastIndexOf('\n') + 1
  if (!text.includes('\r', from)) return text
  const lines = text.slice(from).split('\n')
  const shown = lines.map((line, i) => {
    const end = line.endsWith('\r') ? '\r' : ''
    const parts = (end === '' ? line : line.slice(0, -1)).split('\r')
    const seen = parts.reduce((over, part) => part + over.slice(part.length), '')
    // A return at the end of what has come so far acts only on what comes next; before a line feed it means nothing.
    return seen + (i === lines.length - 1 ? end : '')
  })
  return text.slice(0, from) + shown.join('\n')
}

/** The beginning and the end of a text that is too long, with a line between them that says how much is missing. */
function shorten(text: string): string {
  const most = limits.jupyterStreamBytes
  if (text.length <= most * 1.25) return text
  const pattern = /\n\[(\d+) characters of output were left out here\.\]\n/
  const known = pattern.exec(text)
  const cut = known ? Number(known[1]) : 0
  const head = known ? text.slice(0, known.index) : text.slice(0, most / 2)
  const rest = known ? text.slice(known.index + known[0].length) : text.slice(most / 2)
  const tail = rest.slice(-most / 2)
  return `${head}\n[${cut + rest.length - tail.length} characters of output were left out here.]\n${tail}`
}

function sizeOf(output: Output): number {
  if (output.output_type === 'stream') return output.text.length
  if (output.output_type === 'error') return output.traceback.reduce((sum, line) => sum + line.length, 100)
  return Object.values(output.data).reduce<number>(
    (sum, value) => sum + (typeof value === 'string' ? value.length : JSON.stringify(value ?? null).length),
    100,
  )
}
