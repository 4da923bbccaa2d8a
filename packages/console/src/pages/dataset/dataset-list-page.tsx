import type { Dataset } from '@nabla/api/dataset'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useList } from '../../api/list.ts'
import { ActionButton } from '../../parts/action-button.tsx'
import type { Action } from '../../parts/action.ts'
import { Bytes, RelativeTime } from '../../parts/amount.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { FilterBar } from '../../parts/filter-bar.tsx'
import { formatCount } from '../../parts/format.ts'
import { NothingLikeThat } from '../../parts/nothing-like-that.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { Tags } from '../../parts/tags.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { DataHeader } from '../storage/data-header.tsx'
import { datasetActions } from './dataset-actions.ts'
import { DatasetForm, DeleteDataset } from './dataset-dialogs.tsx'
import { NewVersion } from './new-version.tsx'

const columns: readonly Column<Dataset>[] = [
  { id: 'name', title: 'Name', width: 'minmax(140px, 2fr)', cell: ({ name }) => name },
  {
    id: 'latest',
    title: 'Latest',
    width: '80px',
    align: 'right',
    card: 'fact',
    cell: ({ latest }) => (latest ? `v${latest.version}` : <span className="faint none">–</span>),
  },
  { id: 'versions', title: 'Versions', width: '80px', align: 'right', cell: ({ versions }) => formatCount(versions) },
  {
    id: 'files',
    title: 'Files',
    width: '100px',
    align: 'right',
    cell: ({ latest }) => (latest ? formatCount(latest.files) : <span className="faint none">–</span>),
  },
  {
    id: 'size',
    title: 'Size',
    width: '96px',
    align: 'right',
    card: 'fact',
    cell: ({ latest }) => <Bytes bytes={latest?.sizeBytes} />,
  },
  { id: 'tags', title: 'Tags', width: 'minmax(100px, 1fr)', cell: ({ tags }) => <Tags tags={tags} /> },
  {
    id: 'changed',
    title: 'Changed',
    width: '110px',
    card: 'fact',
    cell: ({ latest, createdAt }) => <RelativeTime time={latest?.createdAt ?? createdAt} />,
  },
]

type Open = { form: 'new' } | { form: 'change' | 'delete'; dataset: Dataset }

/** The datasets of the team. */
export function DatasetListPage(): ReactNode {
  const [tag] = useUrlState('tag')
  const [name] = useUrlState('name')
  const list = useList<Dataset>({
    noun: 'dataset',
    input: { tag, name },
    fetch: (page, options) => client.dataset.list({ ...page, ...(tag && { tag }), ...(name && { name }) }, options),
  })
  const [open, setOpen] = useState<Open>()
  const navigate = useNavigate()
  const close = () => setOpen(undefined)
  const make: Action = {
    label: 'New dataset',
    icon: 'plus',
    command: 'dataset push NAME FOLDER',
    run: () => setOpen({ form: 'new' }),
  }
  usePaletteActions('Datasets', [make])
  const isFiltered = tag !== '' || name !== ''
  return (
    <>
      <DataHeader place="datasets" title="Datasets" actions={<ActionButton action={make} />} />
      <DataTable
        id="dataset"
        label="Datasets"
        list={list}
        columns={columns}
        rowKey={({ id }) => id}
        rowLabel={(row) => row.name}
        href={(row) => `/data/datasets/${row.name}`}
        actions={(dataset) => datasetActions(dataset, (form) => setOpen({ form, dataset }))}
        toolbar={(chooser) => (
          <FilterBar searchKey="name" placeholder="Name begins with, tag:" filters={[{ key: 'tag', label: 'Tag' }]}>
            {chooser}
          </FilterBar>
        )}
        empty={
          isFiltered ? (
            <NothingLikeThat noun="dataset" command="dataset list" keys={['name', 'tag']} />
          ) : (
            <EmptyState
              title="No datasets yet."
              command="dataset push faces ./faces"
              action={<ActionButton action={make} />}
            >
              A dataset has versions that never change; jobs read them at <code>/data</code>.
            </EmptyState>
          )
        }
      />
      {open?.form === 'new' && (
        <NewVersion onClose={close} onMade={(made) => void navigate({ to: `/data/datasets/${made}` as never })} />
      )}
      {open?.form === 'change' && <DatasetForm dataset={open.dataset} onClose={close} />}
      {open?.form === 'delete' && <DeleteDataset dataset={open.dataset} onClose={close} />}
    </>
  )
}
