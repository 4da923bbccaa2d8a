import type { FileEntry } from '@nabla/api/file'
import { client } from '../../api/client.ts'

export interface Difference {
  path: string
  /** `unknown`: as large as before, and there are too many of these to look into each. */
  is: 'added' | 'removed' | 'changed' | 'unknown'
  before: number | undefined
  after: number | undefined
}

export interface Comparison {
  differences: Difference[]
  equal: number
  /** False: there are more files than are compared. */
  complete: boolean
}

/** Files of each version that are compared, and of those with equal sizes that are looked into. */
const mostFiles = 20_000
const mostChecked = 200
const atOnce = 4

/**
 * What differs between two versions. Sizes tell most; of files with the same size the server is asked for the SHA-256.
 * Throws `ApiError`.
 */
export async function compareVersions(
  dataset: string,
  versions: { from: string; to: string },
  signal: AbortSignal,
): Promise<Comparison> {
  const [before, after] = await Promise.all(
    [versions.from, versions.to].map((version) => allFiles(dataset, version, signal)),
  )
  const left = new Map(before!.files.map(({ path, sizeBytes }) => [path, sizeBytes]))
  const right = new Map(after!.files.map(({ path, sizeBytes }) => [path, sizeBytes]))
  const differences: Difference[] = []
  const same: string[] = []
  for (const [path, size] of right) {
    const old = left.get(path)
    if (old === undefined) differences.push({ path, is: 'added', before: undefined, after: size })
    else if (old !== size) differences.push({ path, is: 'changed', before: old, after: size })
    else same.push(path)
  }
  for (const [path, size] of left) {
    if (!right.has(path)) differences.push({ path, is: 'removed', before: size, after: undefined })
  }
  const checked = same.slice(0, mostChecked)
  const changed = await findChanged(dataset, versions, checked, signal)
  const unchecked = same.slice(mostChecked)
  const found = (path: string, is: Difference['is']) => ({ path, is, before: left.get(path), after: right.get(path) })
  differences.push(...changed.map((path) => found(path, 'changed')), ...unchecked.map((path) => found(path, 'unknown')))
  differences.sort((a, b) => Number(a.is === 'unknown') - Number(b.is === 'unknown') || (a.path < b.path ? -1 : 1))
  return {
    differences,
    equal: checked.length - changed.length,
    complete: before!.complete && after!.complete,
  }
}

async function allFiles(dataset: string, version: string, signal: AbortSignal) {
  const files: FileEntry[] = []
  let after: string | null = ''
  while (after !== null && files.length < mostFiles) {
    const page: { items: FileEntry[]; next: string | null } = await client.dataset.files(
      { dataset, version, recursive: 'true', limit: 1000, ...(after && { after }) },
      { signal },
    )
    files.push(...page.items.filter(({ type }) => type !== 'folder'))
    after = page.next
  }
  return { files, complete: after === null }
}

async function findChanged(
  dataset: string,
  { from, to }: { from: string; to: string },
  paths: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const changed: string[] = []
  for (let start = 0; start < paths.length; start += atOnce) {
    const some = paths.slice(start, start + atOnce)
    const sums = await Promise.all(
      some.map((path) =>
        Promise.all([from, to].map((version) => client.dataset.checksum({ dataset, version, path }, { signal }))),
      ),
    )
    changed.push(...some.filter((_, place) => sums[place]![0]!.sha256 !== sums[place]![1]!.sha256))
  }
  return changed
}
