import { randomBytes } from 'node:crypto'

/** Crockford's base 32 in lower case: no i, l, o, u, so an id can be read aloud. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** What each prefix stands for. Job, project and team prefixes are those Gradient used. */
export const idPrefixes = {
  user: 'u',
  team: 'te',
  key: 'k',
  session: 'ss',
  project: 'pr',
  job: 'j',
  experiment: 'e',
  task: 'tk',
  volume: 'vo',
  secret: 'se',
  registry: 'rg',
  upload: 'up',
  exec: 'ex',
  dataset: 'ds',
  version: 'dv',
  model: 'mo',
  modelVersion: 'mv',
  modelKey: 'mk',
  run: 'ru',
  deployment: 'd',
  instance: 'di',
  notebook: 'n',
  tensorboard: 'tb',
  workflow: 'wf',
  workflowRun: 'wr',
  workflowOutput: 'wo',
  storageProvider: 'spl',
} as const

export type IdKind = keyof typeof idPrefixes

/** A new id: the prefix and 16 random characters (80 bits), so it cannot be guessed. */
export function newId(kind: IdKind): string {
  return idPrefixes[kind] + randomText(16)
}

/** `length` random characters of the alphabet above, 5 bits each. */
export function randomText(length: number): string {
  const bytes = randomBytes(length)
  let text = ''
  for (const byte of bytes) text += alphabet[byte & 31]
  return text
}

/** Whether a text has the form of an id of this kind. It may be a name all the same. */
export function looksLikeId(kind: IdKind, text: string): boolean {
  return text.startsWith(idPrefixes[kind]) && /^[0-9a-hjkmnp-tv-z]{16}$/.test(text.slice(idPrefixes[kind].length))
}
