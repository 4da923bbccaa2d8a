import type { Job } from '@nabla/api/job'
import type { FileEntry } from '@nabla/api/file'
import { client } from '../../api/client.ts'

/** More files than this are not looked at; nor is the content of more, or of larger ones, compared. */
export const mostFiles = 5000
const mostRead = 100
const largestRead = 256 * 1024

/** How a file is in two workspaces. */
export interface FileChange {
  path: string
  is: 'added' | 'removed' | 'changed' | 'unknown'
  first: FileEntry | undefined
  second: FileEntry | undefined
}

export interface FilesCompared {
  changes: FileChange[]
  same: number
  /** There were more files than are looked at. */
  isCut: boolean
}

/** Which files differ between what two jobs began with: by size, else by their bytes where these can be read. */
export async function compareFiles(first: Job, second: Job, signal: AbortSignal): Promise<FilesCompared> {
  const [one, other] = await Promise.all([listAll(first, signal), listAll(second, signal)])
  const changes: FileChange[] = []
  let same = 0
  let read = 0
  for (const path of [...new Set([...one.files.keys(), ...other.files.keys()])].sort()) {
    const [before, after] = [one.files.get(path), other.files.get(path)]
    const change = (is: FileChange['is']) => changes.push({ path, is, first: before, second: after })
    if (!before || !after) change(before ? 'removed' : 'added')
    else if (before.sizeBytes !== after.sizeBytes) change('changed')
    else if (before.sizeBytes === 0) same += 1
    else if (before.sizeBytes > largestRead || read >= mostRead) {
      // Files that were sent from one folder keep their times.
      if (before.modifiedAt === after.modifiedAt) same += 1
      else change('unknown')
    } else {
      read += 1
      const texts = await Promise.all([first, second].map((job) => readFile(job.id, path, signal)))
      if (texts[0] === texts[1]) same += 1
      else change('changed')
    }
  }
  return { changes, same, isCut: one.isCut || other.isCut }
}

/** A file that a job began with, as text; at most as much as is compared. */
export async function readFile(job: string, path: string, signal: AbortSignal): Promise<string> {
  const headers = { range: `bytes=0-${largestRead - 1}` }
  return (await client.workspace.get({ job, path }, { signal, headers })).text()
}

async function listAll(job: Job, signal: AbortSignal): Promise<{ files: Map<string, FileEntry>; isCut: boolean }> {
  const files = new Map<string, FileEntry>()
  if (job.workspace === null) return { files, isCut: false }
  for (let after: string | null = ''; after !== null;) {
    if (files.size >= mostFiles) return { files, isCut: true }
    const page: Awaited<ReturnType<typeof client.workspace.list>> = await client.workspace.list(
      { job: job.id, recursive: 'true', limit: 1000, ...(after !== '' && { after }) },
      { signal },
    )
    for (const entry of page.items) if (entry.type === 'file') files.set(entry.path, entry)
    after = page.next
  }
  return { files, isCut: false }
}

/** Packages of a requirements file, with what is said of their versions. */
export function parseRequirements(text: string): Map<string, string> {
  const packages = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, name, rest] = /^\s*([A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?)\s*([^#]*)/.exec(line.split(' #', 1)[0] ?? '') ?? []
    if (name !== undefined) packages.set(name.toLowerCase().replaceAll('_', '-'), (rest ?? '').trim() || 'any')
  }
  return packages
}
