/** Hides parts of a text. It must not add or remove newlines: the text is a run of numbered lines. */
export type Mask = (text: string) => string

/** Shorter values are in too many words to be worth hiding. */
const shortestSecret = 4

/**
 * A mask that shows each of the values as `***`, the longest first where they overlap. Values of several lines are
 * hidden line by line. Values, or lines of them, under 4 characters are not hidden.
 */
export function maskSecrets(values: string[]): Mask {
  const lines = values.flatMap((value) => value.split(/\r?\n/)).filter((line) => line.length >= shortestSecret)
  const secrets = [...new Set(lines)].sort((a, b) => b.length - a.length)
  if (secrets.length === 0) return (text) => text
  const pattern = new RegExp(secrets.map((secret) => escapePattern(secret)).join('|'), 'g')
  return (text) => (secrets.some((secret) => text.includes(secret)) ? text.replace(pattern, '***') : text)
}

/** A text as a pattern that matches it and nothing else. */
export function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
}
