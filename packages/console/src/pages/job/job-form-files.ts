import { workspaceSource } from '@nabla/api/workspace'
import { useEffect, useState } from 'react'
import type { Picked, PickedFolder } from '../../sync/picked.ts'
import { type Scan, scanFolder } from '../../sync/scan.ts'
import type { Origin } from './job-form-body.ts'
import { issueText } from '../../parts/issue-text.ts'

/** Where the files come from; `same`: those of the job that is cloned. */
export type FilesFrom = 'same' | Origin['from']

export interface GitFields {
  url: string
  ref?: string
  username?: string
  password?: string
}

/** The files of a job that is being made. What was chosen stays when one looks at another source meanwhile. */
export interface JobFiles {
  from: FilesFrom
  setFrom: (from: FilesFrom) => void
  git: GitFields
  setGit: (git: GitFields) => void
  ignore: readonly string[]
  setIgnore: (patterns: string[]) => void
  folder: PickedFolder | undefined
  /** What of the folder travels; undefined while it is looked at. */
  scan: Scan | undefined
  archive: File | undefined
  stored: { id: string; label: string } | undefined
  take: (picked: Picked) => void
  /** Takes what a text that was pasted says. */
  fill: (origin: Origin, ignore: readonly string[]) => void
  /** As the command line and YAML say it. */
  origin: Origin
  /** Why it cannot be sent as it is. */
  problem: string | undefined
}

/** State of the part of the form that is about files. `initial`: what it begins with. */
export function useJobFiles(initial: 'same' | 'nothing'): JobFiles {
  const [from, setFrom] = useState<FilesFrom>(initial)
  const [git, setGit] = useState<GitFields>({ url: '' })
  const [ignore, setIgnore] = useState<readonly string[]>([])
  const [folder, setFolder] = useState<PickedFolder>()
  const [archive, setArchive] = useState<File>()
  const [stored, setStored] = useState<{ id: string; label: string }>()
  const { scan, failure } = useScan(folder, ignore)
  const origin = originOf({ from, git, ignore, folder, archive, stored })
  return {
    from,
    setFrom,
    git,
    setGit,
    ignore,
    setIgnore,
    folder,
    scan,
    archive,
    stored,
    origin,
    take(picked) {
      setFrom(picked.is)
      if (picked.is === 'folder') setFolder(picked.folder)
      else setArchive(picked.file)
    },
    fill(filled, patterns) {
      setFrom(filled.from)
      if (filled.from === 'git') setGit(filled)
      if (filled.from === 'stored') setStored(filled)
      if (patterns.length > 0) setIgnore(patterns)
    },
    problem: failure ?? problemOf(origin, { folder, scan, archive }),
  }
}

/** Looks at the folder again when it, or what is left out of it, changes. */
function useScan(folder: PickedFolder | undefined, ignore: readonly string[]) {
  const [done, setDone] = useState<{ scan?: Scan; failure?: string }>({})
  useEffect(() => {
    setDone({})
    if (!folder) return
    const control = new AbortController()
    scanFolder(folder, ignore, control.signal).then(
      (scan) => control.signal.aborted || setDone({ scan }),
      (error: unknown) => control.signal.aborted || setDone({ failure: `The folder cannot be read: ${String(error)}` }),
    )
    return () => control.abort()
  }, [folder, ignore])
  return done
}

type Chosen = Pick<JobFiles, 'from' | 'git' | 'ignore' | 'folder' | 'archive' | 'stored'>

function originOf({ from, git, ignore, folder, archive, stored }: Chosen): Origin {
  switch (from) {
    case 'git':
      return { from, ...git }
    case 'folder':
      return { from, name: folder?.name ?? '', ignore }
    case 'archive':
      return { from, name: archive?.name ?? 'code.zip' }
    case 'stored':
      return { from, id: stored?.id ?? '', label: stored?.label ?? '' }
    case 'nothing':
    case 'same':
      return { from: 'nothing' }
    default:
      return from satisfies never
  }
}

function problemOf(origin: Origin, chosen: Pick<JobFiles, 'folder' | 'scan' | 'archive'>): string | undefined {
  if (origin.from === 'folder') {
    if (!chosen.folder) return 'Choose a folder, or take no files.'
    return chosen.scan ? undefined : 'The folder is still being looked at.'
  }
  if (origin.from === 'archive') return chosen.archive ? undefined : 'Choose an archive, or take no files.'
  if (origin.from !== 'git') return undefined
  if (!/^(git\+)?(https?|ssh|git):\/\/./.test(origin.url)) {
    return 'Give the address of a repository: https, http, ssh or git.'
  }
  const parsed = workspaceSource.safeParse(origin)
  return parsed.success ? undefined : parsed.error.issues.map(issueText)[0]
}
