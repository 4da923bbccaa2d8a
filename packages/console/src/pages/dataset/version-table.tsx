import type { Dataset, DatasetVersion } from '@nabla/api/dataset'
import { datasetVersionStates, latestTag } from '@nabla/api/dataset-states'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import type { LiveList } from '../../api/list.ts'
import type { Action } from '../../parts/action.ts'
import { Bytes, RelativeTime } from '../../parts/amount.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { formatCount } from '../../parts/format.ts'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { DeleteVersion, TagVersion } from './dataset-dialogs.tsx'

const columns: readonly Column<DatasetVersion>[] = [
  { id: 'version', title: 'Version', width: '84px', cell: ({ version }) => <span className="number">v{version}</span> },
  { id: 'state', title: 'State', width: '116px', card: 'fact', cell: (version) => <VersionState version={version} /> },
  { id: 'tags', title: 'Tags', width: 'minmax(90px, 1fr)', cell: ({ tags }) => <Tags tags={tags} /> },
  {
    id: 'message',
    title: 'Message',
    width: 'minmax(120px, 3fr)',
    cell: ({ message, reason, state }) => (
      <span dir="auto" title={state === 'failed' ? (reason ?? '') : message}>
        {state === 'failed' ? (
          <span className="error-text">{reason}</span>
        ) : (
          message || <span className="faint none">–</span>
        )}
      </span>
    ),
  },
  { id: 'files', title: 'Files', width: '84px', align: 'right', cell: ({ files }) => formatCount(files) },
  {
    id: 'size',
    title: 'Size',
    width: '90px',
    align: 'right',
    card: 'fact',
    cell: ({ sizeBytes }) => <Bytes bytes={sizeBytes} />,
  },
  {
    id: 'source',
    title: 'From',
    width: 'minmax(100px, 1.4fr)',
    cell: ({ source }) => (
      <span dir="auto" title={source}>
        {source}
      </span>
    ),
  },
  { id: 'by', title: 'By', width: 'minmax(60px, 0.6fr)', cell: ({ createdBy }) => <bdi>{createdBy.name}</bdi> },
  {
    id: 'made',
    title: 'Made',
    width: '90px',
    card: 'fact',
    cell: ({ createdAt }) => <RelativeTime time={createdAt} />,
  },
  {
    id: 'digest',
    title: 'Digest',
    width: '150px',
    hidden: true,
    cell: ({ digest }) => (digest ? <CopyId value={digest} label={`${digest.slice(0, 12)}…`} /> : '–'),
  },
]

/** The versions of a dataset, newest first. */
export function VersionTable({ dataset, list }: { dataset: Dataset; list: LiveList<DatasetVersion> }): ReactNode {
  const [open, setOpen] = useState<{ form: 'tag' | 'delete'; version: DatasetVersion }>()
  const navigate = useNavigate()
  const close = () => setOpen(undefined)
  const filesOf = ({ version }: DatasetVersion) => `/data/datasets/${dataset.name}?tab=files&version=${version}`
  const go = (address: string) => void navigate({ to: address as never })
  const actions = (version: DatasetVersion): Action[] => [
    {
      label: 'Show files',
      icon: 'folder',
      command: `dataset files ${dataset.name}:${version.version}`,
      unavailable: version.state === 'ready' ? undefined : datasetVersionStates[version.state].about,
      run: () => go(filesOf(version)),
    },
    {
      label: 'Tag',
      icon: 'tag',
      command: `dataset tag ${dataset.name}:${version.version} TAG`,
      unavailable: version.state === 'ready' ? undefined : 'Only a version that is ready has tags.',
      run: () => setOpen({ form: 'tag', version }),
    },
    {
      label: 'Delete',
      icon: 'trash',
      danger: true,
      command: `dataset delete ${dataset.name}:${version.version}`,
      run: () => setOpen({ form: 'delete', version }),
    },
  ]
  return (
    <>
      <DataTable
        id="dataset-version"
        label="Versions"
        list={list}
        columns={columns}
        rowKey={({ id }) => id}
        rowLabel={({ version }) => `v${version}`}
        href={filesOf}
        actions={actions}
        bulkActions={(versions) => [
          {
            label: 'Compare',
            icon: 'columns',
            unavailable: versions.length === 2 ? undefined : 'Select two versions.',
            command: `dataset compare ${dataset.name}:${versions[1]?.version ?? 'FROM'} ${dataset.name}:${versions[0]?.version ?? 'TO'}`,
            run: () => {
              const [to, from] = versions
              go(`/data/datasets/${dataset.name}?tab=compare&from=${from?.version}&to=${to?.version}`)
            },
          },
        ]}
        empty={<EmptyState title="No versions yet." command={`dataset push ${dataset.name} FOLDER`} />}
      />
      {open?.form === 'tag' && <TagVersion dataset={dataset} version={open.version} onClose={close} />}
      {open?.form === 'delete' && <DeleteVersion dataset={dataset} version={open.version} onClose={close} />}
    </>
  )
}

function VersionState({ version: { state, reason } }: { version: DatasetVersion }): ReactNode {
  return (
    <span title={reason ?? datasetVersionStates[state].about}>
      <StateBadge
        state={state}
        label={datasetVersionStates[state].label}
        {...(state === 'preparing' && { shape: 'running' as const })}
      />
    </span>
  )
}

function Tags({ tags }: { tags: readonly string[] }): ReactNode {
  return (
    <span className="version-tags" title={tags.join(', ')}>
      {tags.map((tag) => (
        <span key={tag} className={`version-tag ellipsis ${tag === latestTag ? 'version-latest' : ''}`}>
          {tag}
        </span>
      ))}
    </span>
  )
}
