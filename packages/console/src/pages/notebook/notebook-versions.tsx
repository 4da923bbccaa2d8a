import { Button } from '@mantine/core'
import type { FileChange } from '@nabla/api/file'
import type { Notebook, NotebookVersion } from '@nabla/api/notebook'
import { type ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useList } from '../../api/list.ts'
import { useApi } from '../../api/query.ts'
import { Bytes, Duration, RelativeTime } from '../../parts/amount.tsx'
import { CommandLine } from '../../parts/copy.tsx'
import { plural } from '../../parts/format.ts'
import { Panel, SplitView } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState, Lines, Loaded } from '../../parts/states.tsx'
import { useSetUrlSearch, useUrlState } from '../../parts/url-state.ts'
import { NotebookFiles } from './notebook-files.tsx'

/** The versions of the files: one for each session, to look into, to compare, and to go back to. */
export function NotebookVersions(props: { notebook: Notebook; onRestore: (version: number) => void }): ReactNode {
  const { notebook, onRestore } = props
  const list = useList<NotebookVersion>({
    noun: 'notebook',
    input: { versionsOf: notebook.id },
    fetch: (page, options) => client.notebook.versions({ notebook: notebook.id, ...page }, options),
    rowKey: ({ version }) => String(version),
  })
  const [chosen] = useUrlState('version')
  const change = useSetUrlSearch({ push: true })
  if (list.isLoading) return <Lines count={6} />
  const shown = list.rows.find(({ version }) => String(version) === chosen) ?? list.rows[0]
  if (!shown) {
    return (
      <EmptyState
        title="No versions yet. Each time the notebook stops, its files are kept as one."
        command={`notebook versions ${quote(notebook.name)}`}
      />
    )
  }
  return (
    <SplitView
      label="Versions"
      width={300}
      side={
        <Panel title="Versions" flush>
          <ul className="notebook-versions">
            {list.rows.map((version) => (
              <li key={version.version}>
                <button
                  type="button"
                  aria-pressed={version === shown}
                  onClick={() => change({ version: String(version.version), path: undefined, file: undefined })}
                >
                  <StateBadge state={version.state} shape={shapeOf(version)} bare />
                  <span className="number">v{version.version}</span>
                  <span className="muted grow ellipsis">{plural(version.files, 'file')}</span>
                  <span className="muted">
                    <RelativeTime time={version.endedAt} />
                  </span>
                </button>
              </li>
            ))}
            {list.hasMore && (
              <li>
                <button type="button" onClick={list.loadMore}>
                  <span className="muted">{list.isLoadingMore ? 'Loading more…' : 'Earlier ones'}</span>
                </button>
              </li>
            )}
          </ul>
        </Panel>
      }
    >
      <OneVersion key={shown.version} {...{ notebook, version: shown, onRestore }} />
    </SplitView>
  )
}

const shapeOf = ({ state }: NotebookVersion) => (state === 'ready' ? 'done' : state === 'saving' ? 'running' : 'failed')

function OneVersion(props: {
  notebook: Notebook
  version: NotebookVersion
  onRestore: (version: number) => void
}): ReactNode {
  const { notebook, version, onRestore } = props
  if (version.state !== 'ready') {
    return <EmptyState title={version.state === 'saving' ? 'It is being saved.' : (version.reason ?? 'It failed.')} />
  }
  return (
    <div className="stack">
      <Panel
        title={`Version ${version.version}`}
        actions={<Button onClick={() => onRestore(version.version)}>Restore into a fork</Button>}
      >
        <div className="stack">
          <p className="muted notebook-facts">
            <span>{plural(version.files, 'file')}</span>
            <Bytes bytes={version.sizeBytes} />
            {version.startedAt !== null && (
              <span>
                session of <Duration from={version.startedAt} to={version.endedAt} />
              </span>
            )}
            {version.packages.length > 0 && (
              <span title={version.packages.join('\n')}>{plural(version.packages.length, 'package')} installed</span>
            )}
          </p>
          <Changes notebook={notebook} number={version.version} />
        </div>
      </Panel>
      <NotebookFiles notebook={notebook} version={version.version} />
    </div>
  )
}

const marks: Record<FileChange['change'], { sign: string; about: string }> = {
  added: { sign: '+', about: 'added' },
  removed: { sign: '−', about: 'removed' },
  changed: { sign: '~', about: 'changed' },
}

/** What is different from the version before. */
function Changes({ notebook, number }: { notebook: Notebook; number: number }): ReactNode {
  const query = useApi('notebook', 'compare', { notebook: notebook.id, number, limit: 200 })
  return (
    <Loaded query={query} lines={3}>
      {({ from, items, complete }) => (
        <>
          <h3 className="notebook-changes-title">
            {from === null ? 'All of it is new' : `Different from version ${from}`}
          </h3>
          {items.length === 0 ? (
            <p className="faint">Nothing.</p>
          ) : (
            <ul className="notebook-changes" aria-label="Changed files">
              {items.map(({ path, change, sizeBytes, sizeBytesBefore }) => (
                <li key={path}>
                  <span className={`notebook-change notebook-change-${change} mono`} title={marks[change].about}>
                    <span aria-hidden="true">{marks[change].sign}</span>
                    <span className="only-heard">{marks[change].about}</span>
                  </span>
                  <span className="ellipsis grow" dir="auto" title={path}>
                    {path}
                  </span>
                  <span className="muted">
                    <Bytes bytes={sizeBytes ?? sizeBytesBefore} />
                  </span>
                </li>
              ))}
            </ul>
          )}
          {!complete && <p className="faint">And more than can be shown here.</p>}
          <CommandLine line={`notebook compare ${quote(notebook.name)} ${number}`} />
        </>
      )}
    </Loaded>
  )
}
