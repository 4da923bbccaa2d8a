import type { Context } from '../context.ts'
import { limits } from '../limits.ts'
import { formatBytes, plural } from '../terminal/format.ts'
import { onOneLine } from '../terminal/terminal-width.ts'
import type { FileEntry, Scan } from './scan.ts'

/** Says how much goes and what is odd about it, before it goes. */
export function sayWhatGoes({ out }: Context, scan: Scan): void {
  const { files, sizeBytes } = scan
  const top = largestFiles(scan, 3).map(({ path, stamp }) => `${path} ${formatBytes(stamp.sizeBytes)}`)
  const worthNaming = files > 3 && sizeBytes > 100_000
  const largest = worthNaming ? ` (largest: ${onOneLine(top.join(', '))})` : ''
  out.note(`Workspace: ${plural(files, 'file')}, ${formatBytes(sizeBytes)}${largest}`)
  const leftOut = leftOutByUs(scan)
  if (leftOut.length > 0) out.note(out.styleNote('dim', `  without ${nameSome(leftOut)}`))
  if (sizeBytes > limits.largeWorkspaceBytes) {
    out.warn(
      'this workspace is large. See what is in it with `nabla workspace preview`, name what is not needed in a file\n' +
        '  .nablaignore, and keep data in storage: `nabla storage put -r data`, then read /storage/data in the job.',
    )
  }
  for (const text of oddities(scan)) out.warn(text)
}

/** The largest files, largest first. */
export function largestFiles(scan: Scan, count: number): FileEntry[] {
  const bySize = (one: FileEntry, other: FileEntry) => other.stamp.sizeBytes - one.stamp.sizeBytes
  let largest: FileEntry[] = []
  let leastBytes = -1
  for (const entry of scan.entries) {
    if (entry.type !== 'file' || entry.stamp.sizeBytes <= leastBytes) continue
    largest.push(entry)
    // Sorted now and then: all of many files take ten times as long.
    if (largest.length < 2 * count) continue
    largest = largest.sort(bySize).slice(0, count)
    leastBytes = largest.at(-1)?.stamp.sizeBytes ?? -1
  }
  return largest.sort(bySize).slice(0, count)
}

/** What stays here by rules of Nabla's own that the user may not think of. */
export function leftOutByUs({ ignored, environments }: Scan): string[] {
  return [...ignored.flatMap(({ path, by }) => (by.from === 'default' ? [path] : [])), ...environments].sort()
}

/** What cannot go as it is, or may not be what it seems; a sentence each. */
export function oddities({ linksOut, special, notUtf8, alike }: Scan): string[] {
  const lists: [readonly string[], string][] = [
    [linksOut, 'left out, because they are links that lead out of the folder'],
    [special, 'left out, because they are no plain files'],
    [notUtf8, 'left out, because their names are not UTF-8'],
    [alike.case.map((pair) => pair.join(' and ')), 'names that differ only in case, and are one file on some systems'],
    [alike.form.map((pair) => pair.join(' and ')), 'names that look alike, and differ in their Unicode form'],
  ]
  return lists.filter(([paths]) => paths.length > 0).map(([paths, what]) => `${what}: ${nameSome(paths)}`)
}

/** The first of them, and how many more there are. */
export function nameSome(paths: readonly string[]): string {
  const shown = onOneLine(paths.slice(0, 5).join(', '))
  return paths.length > 5 ? `${shown} and ${paths.length - 5} more` : shown
}
