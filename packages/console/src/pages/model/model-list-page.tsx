import type { Model } from '@nabla/api/model'
import { modelFormats } from '@nabla/api/model-tables'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useList } from '../../api/list.ts'
import { ActionButton } from '../../parts/action-button.tsx'
import type { Action } from '../../parts/action.ts'
import { Bytes, RelativeTime } from '../../parts/amount.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { FilterBar } from '../../parts/filter-bar.tsx'
import { NothingLikeThat } from '../../parts/nothing-like-that.tsx'
import { PageHeader } from '../../parts/page-header.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { Tags } from '../../parts/tags.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { DeleteModel, ModelForm } from './model-dialogs.tsx'
import { modelActions } from './model-actions.ts'
import { Aliases, ParameterCount, Verdict } from './model-words.tsx'
import { UploadModel } from './upload-model.tsx'
import './model.css'

const none = <span className="faint none">–</span>

const columns: readonly Column<Model>[] = [
  { id: 'name', title: 'Name', width: 'minmax(140px, 1.6fr)', cell: ({ name }) => name },
  {
    id: 'latest',
    title: 'Latest',
    width: '60px',
    align: 'right',
    card: 'fact',
    cell: ({ latest }) => (latest ? `v${latest.version}` : none),
  },
  {
    id: 'aliases',
    title: 'Aliases',
    width: 'minmax(170px, 2.4fr)',
    cell: ({ aliases }) => <Aliases aliases={Object.entries(aliases).map(([name, at]) => `${name} v${at}`)} />,
  },
  {
    id: 'format',
    title: 'Format',
    width: 'minmax(158px, 0.8fr)',
    card: 'fact',
    cell: ({ latest }) => (latest?.format ? modelFormats[latest.format].label : none),
  },
  {
    id: 'parameters',
    title: 'Parameters',
    width: '84px',
    align: 'right',
    cell: ({ latest }) => <ParameterCount count={latest?.parameters} />,
  },
  { id: 'scan', title: 'Scan', width: '84px', cell: ({ latest }) => <Verdict verdict={latest?.verdict ?? null} /> },
  {
    id: 'size',
    title: 'Size',
    width: '72px',
    align: 'right',
    cell: ({ latest }) => <Bytes bytes={latest?.sizeBytes} />,
  },
  { id: 'project', title: 'Project', width: 'minmax(90px, 1fr)', cell: ({ project }) => project?.name ?? none },
  { id: 'tags', title: 'Tags', width: 'minmax(90px, 1fr)', hidden: true, cell: ({ tags }) => <Tags tags={tags} /> },
  {
    id: 'changed',
    title: 'Changed',
    width: '84px',
    card: 'fact',
    cell: ({ latest, createdAt }) => <RelativeTime time={latest?.createdAt ?? createdAt} />,
  },
]

type Open = { form: 'new' } | { form: 'change' | 'delete'; model: Model }

/** The models of the team. */
export function ModelListPage(): ReactNode {
  const [tag] = useUrlState('tag')
  const [name] = useUrlState('name')
  const [project] = useUrlState('project')
  const list = useList<Model>({
    noun: 'model',
    input: { tag, name, project },
    fetch: (page, options) =>
      client.model.list({ ...page, ...(tag && { tag }), ...(name && { name }), ...(project && { project }) }, options),
  })
  const [open, setOpen] = useState<Open>()
  const navigate = useNavigate()
  const close = () => setOpen(undefined)
  const make: Action = {
    label: 'Upload model',
    icon: 'upload',
    command: 'model upload NAME PATH',
    run: () => setOpen({ form: 'new' }),
  }
  usePaletteActions('Models', [make])
  const isFiltered = tag !== '' || name !== '' || project !== ''
  return (
    <>
      <PageHeader title="Models" actions={<ActionButton action={make} />} />
      <DataTable
        id="model"
        label="Models"
        list={list}
        columns={columns}
        rowKey={({ id }) => id}
        rowLabel={(row) => row.name}
        href={(row) => `/models/${row.name}`}
        actions={(model) => modelActions(model, (form) => setOpen({ form, model }))}
        toolbar={(chooser) => (
          <FilterBar
            searchKey="name"
            placeholder="Name begins with, tag:, project:"
            filters={[
              { key: 'tag', label: 'Tag' },
              { key: 'project', label: 'Project' },
            ]}
          >
            {chooser}
          </FilterBar>
        )}
        empty={
          isFiltered ? (
            <NothingLikeThat noun="model" command="model list" keys={['name', 'tag', 'project']} />
          ) : (
            <EmptyState
              title="No models yet."
              command="model upload digits model.onnx"
              action={<ActionButton action={make} />}
            >
              A model has versions that never change. Upload one, or let a job leave one with <code>--model-name</code>.
            </EmptyState>
          )
        }
      />
      {open?.form === 'new' && (
        <UploadModel onClose={close} onMade={(made) => void navigate({ to: `/models/${made}` as never })} />
      )}
      {open?.form === 'change' && <ModelForm model={open.model} onClose={close} />}
      {open?.form === 'delete' && <DeleteModel model={open.model} onClose={close} />}
    </>
  )
}
