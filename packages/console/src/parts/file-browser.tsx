import { ActionIcon, Button, Tooltip } from '@mantine/core'
import type { Noun } from '@nabla/api'
import type { CallOptions } from '@nabla/api/client'
import type { ContentLink } from '@nabla/api/content'
import type { FileEntry } from '@nabla/api/file'
import { type KeyboardEvent, lazy, type ReactNode, Suspense } from 'react'
import { useList } from '../api/list.ts'
import { Bytes, RelativeTime } from './amount.tsx'
import { CommandLine } from './copy.tsx'
import { readableName } from './file-kind.ts'
import { Icon } from './icon.tsx'
import { EmptyState, ErrorState, Lines } from './states.tsx'
import { useSetUrlSearch, useUrlSearch } from './url-state.ts'
import './file-browser.css'

const FilePreview = lazy(() => import('./file-preview.tsx').then(({ FilePreview }) => ({ default: FilePreview })))

/** Where files come from: the artifacts of a job, its workspace, a storage, a version of a dataset. */
export interface FileSource {
  /** Whose events make the list be read again. */
  noun: Noun
  /** Tells this source apart from all others. */
  key: readonly string[]
  list: (
    page: { path: string; limit: number; after?: string; recursive?: 'true' },
    options: CallOptions,
  ) => Promise<{ items: FileEntry[]; next: string | null }>
  /** The first bytes of a file. */
  read: (path: string, bytes: number, signal: AbortSignal) => Promise<Response>
  /** Where a file is downloaded. */
  fileUrl: (path: string) => string
  /** Where a folder is downloaded as a zip; the root is the empty path. */
  archiveUrl?: (path: string) => string
  /** An address of the other origin, at which a browser may show a file. */
  view?: (path: string) => Promise<ContentLink>
  /** The line of the CLI that fetches a file, or all with the empty path. */
  command?: (path: string) => string
}

/** Looks through folders and at files; where one is stands in the address. */
export function FileBrowser({ source, empty }: { source: FileSource; empty: ReactNode }): ReactNode {
  const search = useUrlSearch()
  const change = useSetUrlSearch({ push: true })
  const path = typeof search['path'] === 'string' ? search['path'] : ''
  const open = typeof search['file'] === 'string' ? search['file'] : ''
  const list = useList<FileEntry>({
    noun: source.noun,
    input: { files: source.key, path },
    fetch: (page, options) => source.list({ path, ...page, limit: 200 }, options),
    rowKey: (entry) => entry.path,
    pageSize: 200,
  })
  const file = list.rows.find((entry) => entry.path === open)
  const goTo = (folder: string) => change({ path: folder || undefined, file: undefined })
  if (list.error && list.rows.length === 0) return <ErrorState error={list.error} onRetry={list.retry} />
  if (!list.isLoading && list.rows.length === 0 && path === '') return empty
  return (
    <div className="stack">
      <div className={open ? 'files files-open' : 'files'}>
        <section className="panel" aria-label="Files">
          <div className="panel-title">
            <Place path={path} onGo={goTo} />
            <div className="grow" />
            {source.archiveUrl && (
              <Button
                component="a"
                href={source.archiveUrl(path)}
                download
                leftSection={<Icon name="download" size={14} />}
              >
                Zip
              </Button>
            )}
          </div>
          {list.isLoading ? (
            <div className="panel-body">
              <Lines count={6} />
            </div>
          ) : (
            <Entries
              entries={list.rows}
              open={open}
              onOpen={(entry) =>
                entry.type === 'folder'
                  ? goTo(entry.path)
                  : change({ file: entry.path === open ? undefined : entry.path })
              }
            />
          )}
          {list.hasMore && (
            <div className="files-more">
              <Button loading={list.isLoadingMore} onClick={list.loadMore}>
                More files
              </Button>
            </div>
          )}
        </section>
        {open && (
          <OpenFile
            {...{ source, file, open }}
            isLoading={list.isLoading}
            onClose={() => change({ file: undefined })}
          />
        )}
      </div>
      {source.command && <CommandLine line={source.command(open)} />}
    </div>
  )
}

function Place({ path, onGo }: { path: string; onGo: (path: string) => void }): ReactNode {
  const names = path === '' ? [] : path.split('/')
  return (
    <nav aria-label="Folders" className="files-place">
      <button type="button" onClick={() => onGo('')} aria-current={path === '' ? 'location' : undefined}>
        All files
      </button>
      {names.map((name, place) => (
        <span key={place} className="row">
          <span aria-hidden="true" className="faint">
            /
          </span>
          <button
            type="button"
            dir="auto"
            className="ellipsis"
            onClick={() => onGo(names.slice(0, place + 1).join('/'))}
            aria-current={place === names.length - 1 ? 'location' : undefined}
          >
            {readableName(name)}
          </button>
        </span>
      ))}
    </nav>
  )
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** Folders first; arrows and `j k` move from one to the next. */
function Entries(props: {
  entries: readonly FileEntry[]
  open: string
  onOpen: (entry: FileEntry) => void
}): ReactNode {
  const { entries, open, onOpen } = props
  const isFolder = ({ type }: FileEntry) => (type === 'folder' ? 0 : 1)
  const sorted = entries.toSorted((one, other) => isFolder(one) - isFolder(other))
  const move = (event: KeyboardEvent<HTMLElement>) => {
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key]
    if (step === undefined) return
    const buttons = [...event.currentTarget.querySelectorAll('button')]
    buttons[buttons.indexOf(document.activeElement as HTMLButtonElement) + step]?.focus()
    event.preventDefault()
  }
  if (sorted.length === 0) return <EmptyState title="The folder is empty." />
  return (
    <ul className="files-list" onKeyDown={move}>
      {sorted.map((entry) => (
        <li key={entry.path}>
          <button
            type="button"
            className="files-entry"
            aria-pressed={entry.path === open}
            disabled={entry.type === 'link'}
            onClick={() => onOpen(entry)}
          >
            <Icon name={entry.type === 'folder' ? 'folder' : entry.type === 'link' ? 'link' : 'file'} size={14} />
            <span className="files-name ellipsis" dir="auto" title={readableName(entry.path)}>
              {readableName(baseName(entry.path))}
              {entry.type === 'link' && <span className="faint"> a link, not followed</span>}
            </span>
            <span className="files-size number">{entry.type === 'file' && <Bytes bytes={entry.sizeBytes} />}</span>
            <span className="files-time muted only-wide">
              <RelativeTime time={entry.modifiedAt} />
            </span>
          </button>
        </li>
      ))}
    </ul>
  )
}

interface OpenFileProps {
  source: FileSource
  file: FileEntry | undefined
  open: string
  isLoading: boolean
  onClose: () => void
}

function OpenFile({ source, file, open, isLoading, onClose }: OpenFileProps): ReactNode {
  return (
    <section className="panel files-preview" aria-label="Preview">
      <div className="panel-title">
        <h2 className="ellipsis" dir="auto" title={readableName(open)}>
          {readableName(baseName(open))}
        </h2>
        <span className="muted">{file && <Bytes bytes={file.sizeBytes} />}</span>
        <div className="grow" />
        <Tooltip label="Download">
          <ActionIcon component="a" href={source.fileUrl(open)} download aria-label="Download the file">
            <Icon name="download" />
          </ActionIcon>
        </Tooltip>
        <ActionIcon aria-label="Close the preview" onClick={onClose}>
          <Icon name="close" />
        </ActionIcon>
      </div>
      {file ? (
        <Suspense fallback={<Lines count={6} />}>
          <FilePreview key={`${file.path} ${file.modifiedAt}`} source={source} file={file} />
        </Suspense>
      ) : isLoading ? (
        <Lines count={6} />
      ) : (
        <EmptyState title="This file is not among those that are shown." />
      )}
    </section>
  )
}
