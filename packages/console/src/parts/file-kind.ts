/** How a file is shown. */
export type FileKind =
  | 'text'
  | 'image'
  | 'audio'
  | 'video'
  | 'page'
  | 'table'
  | 'json'
  | 'lines'
  | 'notebook'
  | 'unknown'

const kinds: Record<string, FileKind> = {
  ...all('image', 'png jpg jpeg gif webp avif bmp svg ico'),
  ...all('audio', 'mp3 wav ogg flac m4a'),
  ...all('video', 'mp4 webm mov'),
  ...all('page', 'html htm'),
  ...all('table', 'csv tsv'),
  ...all('lines', 'jsonl ndjson'),
  ...all('json', 'json geojson'),
  ...all('notebook', 'ipynb'),
  ...all('unknown', 'pdf pt pth ckpt safetensors onnx npy npz pkl bin zip gz tar xz zst parquet h5 so woff woff2 ttf'),
}

/** By the end of its name; what is not known here is looked at: it is a text if it reads like one. */
export function kindOfFile(path: string): FileKind {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const end = name.includes('.') ? name.slice(name.lastIndexOf('.') + 1).toLowerCase() : ''
  return Object.hasOwn(kinds, end) ? kinds[end]! : 'text'
}

/** Whether bytes are a text of UTF-8, or begin as one. */
export function isText(bytes: Uint8Array): boolean {
  if (bytes.includes(0)) return false
  const text = new TextDecoder().decode(bytes.subarray(0, 8192))
  const odd = text.slice(0, -1).match(/\uFFFD/g)?.length ?? 0
  return odd <= text.length / 100
}

/** A name as it can be read: what would hide, turn or break it stands as its number. */
export function readableName(name: string): string {
  return name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (odd) => `\\u{${odd.codePointAt(0)!.toString(16)}}`)
}

/**
 * Rows of comma or tab separated values, RFC 4180: quotes around a value may hold anything. Ends after `most` rows; a row
 * that the end of the text cuts is left out where `isCut` says that there would be more.
 */
export function parseTable(text: string, separator: ',' | '\t', most: number, isCut: boolean): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let place = 0
  while (place < text.length && rows.length < most) {
    let value: string
    if (text[place] === '"') {
      let end = text.indexOf('"', place + 1)
      while (end !== -1 && text[end + 1] === '"') end = text.indexOf('"', end + 2)
      if (end === -1) end = text.length
      value = text.slice(place + 1, end).replaceAll('""', '"')
      place = end + 1
    } else {
      let end = place
      while (end < text.length && text[end] !== separator && text[end] !== '\n') end += 1
      value = text.slice(place, end).replace(/\r$/, '')
      place = end
    }
    row.push(value)
    if (text[place] === '\r') place += 1
    if (text[place] === separator) {
      place += 1
      if (place === text.length) row.push('')
    } else if (place >= text.length && isCut) return rows
    else {
      rows.push(row)
      row = []
      place += 1
    }
  }
  return rows
}

/** Rows of JSON lines, with a column for each key of the first ones; what is no object stands in a column of its own. */
export function parseLines(text: string, most: number, isCut: boolean): string[][] {
  const lines = text.split('\n')
  if (isCut) lines.pop()
  const items = lines
    .filter((line) => line.trim() !== '')
    .slice(0, most)
    .map(parseLine)
  const keys = [...new Set(items.slice(0, 200).flatMap((item) => Object.keys(item)))].slice(0, 200)
  return [keys, ...items.map((item) => keys.map((key) => asText(item[key])))]
}

/** A table as pandas writes it with `orient="split"`, and MLflow's `log_table`; undefined: it is none. */
export function parseFrame(value: unknown, most: number): string[][] | undefined {
  const { columns, data } = (value ?? {}) as { columns?: unknown; data?: unknown }
  if (!Array.isArray(columns) || !Array.isArray(data) || columns.length === 0) return undefined
  const rows: unknown[] = data
  if (!rows.every((row) => Array.isArray(row))) return undefined
  return [columns.map(asText), ...rows.slice(0, most).map((row) => (row as unknown[]).map(asText))]
}

function parseLine(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { ...(value as Record<string, unknown>) }
      : { value }
  } catch {
    return { value: line }
  }
}

const asText = (value: unknown): string =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)

function all(kind: FileKind, ends: string): Record<string, FileKind> {
  return Object.fromEntries(ends.split(' ').map((end) => [end, kind]))
}
