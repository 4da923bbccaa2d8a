import { Button } from '@mantine/core'
import type { NotebookSummary } from '@nabla/api/notebook'
import { notebookCan, notebookStates } from '@nabla/api/notebook-state'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useList } from '../../api/list.ts'
import { ActionButton } from '../../parts/action-button.tsx'
import { type Action, useAction } from '../../parts/action.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { FilterBar } from '../../parts/filter-bar.tsx'
import { NothingLikeThat } from '../../parts/nothing-like-that.tsx'
import { PageHeader } from '../../parts/page-header.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { Tags } from '../../parts/tags.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { type Asked, notebookActions, notebookAddress, openNotebook } from './notebook-actions.ts'
import { NotebookDialog } from './notebook-dialogs.tsx'
import { NotebookState, TimeLeft } from './notebook-words.tsx'
import './notebook.css'

type State = NotebookSummary['state']

const stateOptions = Object.entries(notebookStates).map(([value, { label }]) => ({ value, label }))

const columnsWith = (open: (notebook: NotebookSummary) => void): readonly Column<NotebookSummary>[] => [
  { id: 'name', title: 'Name', width: 'minmax(150px, 3fr)', cell: ({ name }) => name },
  {
    id: 'state',
    title: 'State',
    width: '130px',
    card: 'fact',
    cell: (notebook) => <NotebookState notebook={notebook} />,
  },
  { id: 'left', title: 'Stops in', width: '92px', card: 'fact', cell: (notebook) => <TimeLeft notebook={notebook} /> },
  { id: 'machine', title: 'Machine', width: 'minmax(80px, 1fr)', cell: ({ machineType }) => machineType },
  { id: 'project', title: 'Project', width: 'minmax(90px, 1fr)', cell: ({ project }) => project.name },
  { id: 'tags', title: 'Tags', width: 'minmax(90px, 1fr)', cell: ({ tags }) => <Tags tags={tags} /> },
  {
    id: 'used',
    title: 'Used',
    width: '100px',
    cell: ({ lastActivityAt, endedAt, createdAt }) => <RelativeTime time={lastActivityAt ?? endedAt ?? createdAt} />,
  },
  { id: 'open', title: 'Open', width: '84px', card: 'fact', cell: (notebook) => openButton(notebook, open) },
]

function openButton(notebook: NotebookSummary, open: (notebook: NotebookSummary) => void): ReactNode {
  if (!(notebookCan.open as readonly State[]).includes(notebook.state)) return <span className="faint none">–</span>
  return (
    <Button
      size="compact-xs"
      className="notebook-open"
      aria-label={`Open ${notebook.name}`}
      title={`nabla notebook open ${notebook.name}`}
      onClick={(event) => {
        event.preventDefault()
        event.stopPropagation()
        open(notebook)
      }}
    >
      Open
    </Button>
  )
}

/** What the address asks for; a state that is none is left out. */
function useFilter() {
  const [tag] = useUrlState('tag')
  const [name] = useUrlState('name')
  const [project] = useUrlState('project')
  const [word] = useUrlState('state')
  const state = Object.hasOwn(notebookStates, word) ? (word as State) : undefined
  return { ...(tag && { tag }), ...(name && { name }), ...(project && { project }), ...(state && { state }) }
}

/** The notebooks of the team. */
export function NotebookListPage(): ReactNode {
  const filter = useFilter()
  const list = useList<NotebookSummary>({
    noun: 'notebook',
    input: filter,
    fetch: (page, options) => client.notebook.list({ ...page, ...filter }, options),
  })
  const [asked, setAsked] = useState<{ asked: Asked; notebook: NotebookSummary }>()
  const navigate = useNavigate()
  const open = useAction({
    run: ({ notebook, path }: { notebook: NotebookSummary; path: string }) => openNotebook(notebook, path),
  })
  const make: Action = {
    label: 'New notebook',
    icon: 'plus',
    command: 'notebook create',
    run: () => void navigate({ to: '/notebooks/new' }),
  }
  usePaletteActions('Notebooks', [make])
  return (
    <>
      <PageHeader title="Notebooks" actions={<ActionButton action={make} />} />
      <DataTable
        id="notebook"
        label="Notebooks"
        list={list}
        columns={columnsWith((notebook) => void open.run({ notebook, path: '/lab' }))}
        rowKey={({ id }) => id}
        rowLabel={({ name }) => name}
        href={notebookAddress}
        actions={(notebook) =>
          notebookActions(notebook, {
            ask: (asked) => setAsked({ asked, notebook }),
            open: (path) => void open.run({ notebook, path }),
          })
        }
        toolbar={(chooser) => (
          <FilterBar
            searchKey="name"
            placeholder="Name begins with, tag:, state:"
            filters={[
              { key: 'state', label: 'State', options: stateOptions },
              { key: 'tag', label: 'Tag' },
              { key: 'project', label: 'Project' },
            ]}
          >
            {chooser}
          </FilterBar>
        )}
        empty={<NoNotebooks isFiltered={Object.keys(filter).length > 0} make={make} />}
      />
      {asked && (
        <NotebookDialog
          asked={asked.asked}
          notebook={list.rows.find(({ id }) => id === asked.notebook.id) ?? asked.notebook}
          onClose={() => setAsked(undefined)}
          onGo={(to) => void navigate({ to: to as never })}
        />
      )}
    </>
  )
}

function NoNotebooks({ isFiltered, make }: { isFiltered: boolean; make: Action }): ReactNode {
  if (isFiltered)
    return <NothingLikeThat noun="notebook" command="notebook list" keys={['name', 'tag', 'project', 'state']} />
  return (
    <EmptyState
      title="No notebooks yet. One is JupyterLab with files and packages that stay."
      command="notebook create"
      action={<ActionButton action={make} />}
    />
  )
}
