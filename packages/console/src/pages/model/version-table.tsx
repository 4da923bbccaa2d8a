import type { Model, ModelVersion } from '@nabla/api/model'
import { modelVersionStates } from '@nabla/api/model-tables'
import { modelFormats } from '@nabla/api/model-tables'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import type { LiveList } from '../../api/list.ts'
import type { Action } from '../../parts/action.ts'
import { Bytes, RelativeTime } from '../../parts/amount.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { AliasVersion, DeleteVersion, NoteVersion } from './model-dialogs.tsx'
import { Aliases, ParameterCount, Verdict } from './model-words.tsx'

const columns: readonly Column<ModelVersion>[] = [
  { id: 'version', title: 'Version', width: '60px', cell: ({ version }) => <span className="number">v{version}</span> },
  { id: 'state', title: 'State', width: '104px', card: 'fact', cell: (version) => <VersionState version={version} /> },
  { id: 'aliases', title: 'Aliases', width: 'minmax(90px, 1fr)', cell: ({ aliases }) => <Aliases aliases={aliases} /> },
  {
    id: 'format',
    title: 'Format',
    width: 'minmax(100px, 1fr)',
    card: 'fact',
    cell: ({ format }) => (format ? modelFormats[format].label : <span className="faint none">–</span>),
  },
  {
    id: 'parameters',
    title: 'Parameters',
    width: '100px',
    align: 'right',
    cell: ({ parameters }) => <ParameterCount count={parameters} />,
  },
  { id: 'scan', title: 'Scan', width: '108px', cell: ({ verdict }) => <Verdict verdict={verdict} /> },
  {
    id: 'signed',
    title: 'Signed by',
    width: 'minmax(80px, 0.8fr)',
    cell: ({ signatures }) => signers(signatures) || <span className="faint none">–</span>,
  },
  { id: 'size', title: 'Size', width: '76px', align: 'right', cell: ({ sizeBytes }) => <Bytes bytes={sizeBytes} /> },
  {
    id: 'source',
    title: 'From',
    width: 'minmax(100px, 1.4fr)',
    cell: ({ source, reason, state }) => (
      <span dir="auto" title={reason ?? source} className={state === 'failed' ? 'model-failed' : undefined}>
        {reason ?? source}
      </span>
    ),
  },
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
    cell: ({ digest }) => (digest ? <CopyId value={digest} /> : '–'),
  },
]

export const signers = (signatures: ModelVersion['signatures']): string =>
  signatures
    .filter(({ valid }) => valid)
    .map(({ key }) => key.name)
    .join(', ')

/** The versions of a model, newest first. */
export function VersionTable({ model, list }: { model: Model; list: LiveList<ModelVersion> }): ReactNode {
  const [open, setOpen] = useState<{ form: 'alias' | 'note' | 'delete'; version: ModelVersion }>()
  const navigate = useNavigate()
  const close = () => setOpen(undefined)
  const go = (address: string) => void navigate({ to: address as never })
  return (
    <>
      <DataTable
        id="model-version"
        label="Versions"
        list={list}
        columns={columns}
        rowKey={({ id }) => id}
        rowLabel={({ version }) => `v${version}`}
        href={({ version }) => `/models/${model.name}?version=${version}`}
        actions={(version) => versionActions(version, (form) => setOpen({ form, version }))}
        bulkActions={(versions) => [
          {
            label: 'Compare',
            icon: 'columns',
            unavailable: versions.length === 2 ? undefined : 'Select two versions.',
            command: `model compare ${versions[1]?.reference ?? 'FROM'} ${versions[0]?.reference ?? 'TO'}`,
            run: () => {
              const [to, from] = versions
              go(`/models/${model.name}?tab=compare&from=${from?.version}&to=${to?.version}`)
            },
          },
        ]}
        empty={<EmptyState title="No versions yet." command={`model upload ${model.name} PATH`} />}
      />
      {open?.form === 'alias' && <AliasVersion version={open.version} onClose={close} />}
      {open?.form === 'note' && <NoteVersion version={open.version} onClose={close} />}
      {open?.form === 'delete' && <DeleteVersion version={open.version} onClose={close} />}
    </>
  )
}

/** What can be done with one version. */
export function versionActions(version: ModelVersion, open: (form: 'alias' | 'note' | 'delete') => void): Action[] {
  const { reference, state, aliases } = version
  return [
    {
      label: 'Aliases',
      icon: 'tag',
      command: `model alias ${reference} ALIAS`,
      unavailable: state === 'ready' ? undefined : 'Only a version that is ready has aliases.',
      run: () => open('alias'),
    },
    { label: 'Notes', icon: 'edit', command: `model note ${reference} NOTES`, run: () => open('note') },
    {
      label: 'Delete version',
      icon: 'trash',
      danger: true,
      command: `model delete ${reference}`,
      unavailable: aliases[0] === undefined ? undefined : `It is @${aliases[0]}: take the alias away first.`,
      run: () => open('delete'),
    },
  ]
}

export function VersionState({ version: { state, reason } }: { version: ModelVersion }): ReactNode {
  return (
    <span title={reason ?? modelVersionStates[state].about}>
      <StateBadge
        state={state}
        label={modelVersionStates[state].label}
        {...(state === 'preparing' && { shape: 'running' as const })}
      />
    </span>
  )
}
