import { posix } from 'node:path'

/** What bytes of unknown form are: a browser saves them. */
export const unknownType = 'application/octet-stream'

const text = 'text/plain; charset=utf-8'
const html = 'text/html; charset=utf-8'

/**
 * What browsers are told that a file is, by the end of its name. All that is written for people to read is plain
 * text. HTML and SVG are shown as what they are, since no script runs where this is used.
 */
const types: Record<string, string> = {
  ...group('image/', { png: 'png', jpg: 'jpeg', jpeg: 'jpeg', gif: 'gif', webp: 'webp', avif: 'avif', bmp: 'bmp' }),
  ...group('image/', { svg: 'svg+xml', ico: 'x-icon' }),
  ...group('audio/', { mp3: 'mpeg', wav: 'wav', ogg: 'ogg', flac: 'flac', m4a: 'mp4' }),
  ...group('video/', { mp4: 'mp4', webm: 'webm', mov: 'quicktime' }),
  ...group('font/', { woff: 'woff', woff2: 'woff2', ttf: 'ttf', otf: 'otf' }),
  ...plain('txt log md rst csv tsv json jsonl ndjson yaml yml toml ini cfg conf xml diff patch tex bib'),
  ...plain('py pyi ipynb r jl lua sh bash c h cc cpp hpp cu java go rs js mjs ts tsx jsx sql pbtxt proto'),
  css: 'text/css; charset=utf-8',
  html,
  htm: html,
}

/** The content type of a file by its name. */
export function contentTypeOf(path: string): string {
  const end = posix.extname(path).slice(1).toLowerCase()
  return Object.hasOwn(types, end) ? (types[end] ?? unknownType) : unknownType
}

/** Whether a file is a page that loads other files. */
export const isPage = (path: string): boolean => contentTypeOf(path) === html

function group(kind: string, ends: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(ends).map(([end, type]) => [end, kind + type]))
}

function plain(ends: string): Record<string, string> {
  return Object.fromEntries(ends.split(' ').map((end) => [end, text]))
}
