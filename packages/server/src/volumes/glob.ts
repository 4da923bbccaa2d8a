import picomatch from 'picomatch'

import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import { pinFolder } from '../lib/safe-path.ts'
import { pathText, walk } from './walk.ts'

/**
 * Makes a test for paths out of patterns: `*`, `?`, `**`, `[a-z]` and `{a,b}` as in a shell. A pattern without a slash
 * is for the last part of a path, at any depth; hidden files match as others do. Throws `bad_pattern`.
 */
export function makeMatcher(patterns: readonly string[]): (path: string) => boolean {
  const matchers = patterns.map((pattern) => {
    const reason = whyNot(pattern)
    if (reason !== undefined) throw new AppError('bad_pattern', { pattern: pattern.slice(0, 100), reason })
    return picomatch(pattern, { dot: true, basename: !pattern.includes('/'), noextglob: true, nonegate: true })
  })
  return (path) => matchers.some((matches) => matches(path))
}

/** The files of a tree whose paths match one of the patterns, in the order of a walk; links do not count. */
export async function globFiles(root: string, patterns: readonly string[], signal?: AbortSignal): Promise<string[]> {
  const matches = makeMatcher(patterns)
  const found: string[] = []
  const start = await pinFolder(root)
  try {
    for await (const { path, stats } of walk(start, { recursive: true, ...(signal && { signal }) })) {
      const text = pathText(path)
      if (stats.isFile() && matches(text)) found.push(text)
    }
  } finally {
    await start.close()
  }
  return found
}

/** A pattern becomes a regular expression: stars beside each other multiply the time that it takes. */
function whyNot(pattern: string): string | undefined {
  if (pattern === '') return 'it is empty'
  if (Buffer.byteLength(pattern) > limits.globBytes) return `it is longer than ${limits.globBytes} bytes`
  if (/\p{Cc}|\\/u.test(pattern)) return 'it holds a backslash or a control character'
  const stars = pattern.match(/\*+/g)?.length ?? 0
  if (stars > limits.globStars) return `it has more than ${limits.globStars} stars`
  return undefined
}
