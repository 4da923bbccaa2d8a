import { calls } from '@nabla/api/calls'
import type { NotebookDocument, SharedNotebook } from '@nabla/api/notebook'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { Button } from '@mantine/core'
import { plainClient } from '../../api/client.ts'
import { toApiError } from '../../parts/action.ts'
import { Bytes, RelativeTime } from '../../parts/amount.tsx'
import { plural } from '../../parts/format.ts'
import { PageHeader, Panel, SplitView } from '../../parts/page-header.tsx'
import { EmptyState, ErrorState, Lines } from '../../parts/states.tsx'
import { useSetUrlSearch, useUrlState } from '../../parts/url-state.ts'
import './notebook.css'

const DocumentView = lazy(() => import('./document-view.tsx').then(({ DocumentView }) => ({ default: DocumentView })))

const route = getRouteApi('/shared/$share')

/** A notebook that is shared, for anyone who has the link: read only, from the version that was saved last. */
export function SharedPage(): ReactNode {
  const { share } = route.useParams()
  const query = useQuery({
    queryKey: ['shared', share],
    queryFn: ({ signal }) => plainClient.notebook.shared({ share }, { signal }),
    retry: false,
  })
  return (
    <main className="shared">
      <div className="shared-mark muted">
        <span aria-hidden="true">∇</span> A notebook that was shared with you. Nothing here runs.
      </div>
      {query.error ? (
        <ErrorState error={toApiError(query.error)} onRetry={() => void query.refetch()} />
      ) : query.data ? (
        <Shared share={share} notebook={query.data} />
      ) : (
        <Lines count={8} />
      )}
    </main>
  )
}

function Shared({ share, notebook }: { share: string; notebook: SharedNotebook }): ReactNode {
  const [file] = useUrlState('file')
  const shown = file || notebook.first
  return (
    <>
      <PageHeader title={notebook.name}>
        <span>
          saved <RelativeTime time={notebook.savedAt} />
        </span>
        <span>version {notebook.version}</span>
        <span className="job-machine">{notebook.image}</span>
        {notebook.packages.length > 0 && (
          <span title={notebook.packages.join('\n')}>{plural(notebook.packages.length, 'package')}</span>
        )}
      </PageHeader>
      <SplitView label="Files" width={280} side={<Files share={share} shown={shown} />}>
        {shown === null ? (
          <EmptyState title="There is no notebook file in it. Its files can be saved." />
        ) : (
          <Document key={shown} share={share} path={shown} />
        )}
      </SplitView>
    </>
  )
}

function Files({ share, shown }: { share: string; shown: string | null }): ReactNode {
  const [path] = useUrlState('path')
  const change = useSetUrlSearch({ push: true })
  const query = useQuery({
    queryKey: ['shared', share, 'files', path],
    queryFn: ({ signal }) => plainClient.notebook.sharedFiles({ share, path, limit: 200 }, { signal }),
  })
  const up = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : undefined
  return (
    <Panel title={path === '' ? 'Files' : path} flush>
      <ul className="notebook-versions">
        {path !== '' && (
          <li>
            <button type="button" onClick={() => change({ path: up })}>
              <span className="muted">Up</span>
            </button>
          </li>
        )}
        {(query.data?.items ?? []).map((entry) => (
          <li key={entry.path}>
            {entry.type === 'folder' || entry.path.endsWith('.ipynb') ? (
              <button
                type="button"
                aria-pressed={entry.path === shown}
                onClick={() => change(entry.type === 'folder' ? { path: entry.path } : { file: entry.path })}
              >
                <FileName path={entry.path} isFolder={entry.type === 'folder'} />
              </button>
            ) : (
              <a href={fileAddress(share, entry.path)} download>
                <FileName path={entry.path} isFolder={false} />
                <span className="muted">
                  <Bytes bytes={entry.sizeBytes} />
                </span>
              </a>
            )}
          </li>
        ))}
      </ul>
      {query.data?.next != null && <p className="faint panel-body">There are more than can be listed here.</p>}
    </Panel>
  )
}

function FileName({ path, isFolder }: { path: string; isFolder: boolean }): ReactNode {
  return (
    <span className="ellipsis grow" dir="auto" title={path}>
      {path.slice(path.lastIndexOf('/') + 1)}
      {isFolder && '/'}
    </span>
  )
}

const fileAddress = (share: string, path: string): string =>
  `${calls.notebook.sharedFile.path.replace(':share', encodeURIComponent(share))}?${new URLSearchParams({ path })}`

function Document({ share, path }: { share: string; path: string }): ReactNode {
  const [offset, setOffset] = useState(0)
  const query = useQuery<NotebookDocument>({
    queryKey: ['shared', share, 'document', path, offset],
    queryFn: ({ signal }) => plainClient.notebook.sharedDocument({ share, path, offset }, { signal }),
    retry: false,
  })
  if (query.error) return <ErrorState error={toApiError(query.error)} onRetry={() => void query.refetch()} />
  const { data } = query
  return (
    <Panel
      title={path}
      actions={
        <a href={fileAddress(share, path)} download>
          Save
        </a>
      }
      flush
    >
      {data ? (
        <Suspense fallback={<Lines count={8} />}>
          <DocumentView document={data} />
        </Suspense>
      ) : (
        <div className="panel-body">
          <Lines count={8} />
        </div>
      )}
      {(offset > 0 || data?.next != null) && (
        <div className="row panel-body">
          {offset > 0 && <Button onClick={() => setOffset(0)}>From the beginning</Button>}
          {data?.next != null && <Button onClick={() => setOffset(data.next ?? 0)}>The cells that follow</Button>}
        </div>
      )}
    </Panel>
  )
}
