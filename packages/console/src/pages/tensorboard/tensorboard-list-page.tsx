import { UnstyledButton } from '@mantine/core'
import type { Tensorboard } from '@nabla/api/tensorboard'
import { tensorboardStates } from '@nabla/api/tensorboard-states'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useList } from '../../api/list.ts'
import { ActionButton } from '../../parts/action-button.tsx'
import { type Action, useAction } from '../../parts/action.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { openTab } from '../../parts/open-tab.ts'
import { PageHeader } from '../../parts/page-header.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { useSetUrlSearch, useUrlSearch } from '../../parts/url-state.ts'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { tensorboardActions } from './tensorboard-actions.ts'
import { TensorboardForm } from './tensorboard-form.tsx'
import './tensorboard.css'

/** The TensorBoards of the team. */
export function TensorboardListPage(): ReactNode {
  const search = useUrlSearch()
  const change = useSetUrlSearch()
  const [leaving, setLeaving] = useState<Tensorboard>()
  const list = useList<Tensorboard>({
    noun: 'tensorboard',
    input: {},
    fetch: (page, options) => client.tensorboard.list(page, options),
  })
  const given = { ...useTensorboards(), remove: setLeaving }
  const make: Action = {
    label: 'New TensorBoard',
    icon: 'chart',
    command: 'tensorboard create --job JOB',
    run: () => change({ new: 'yes' }),
  }
  usePaletteActions('TensorBoards', [make])
  const text = (key: string) => (typeof search[key] === 'string' ? search[key] : '')
  return (
    <>
      <PageHeader
        title="TensorBoards"
        crumbs={[{ label: 'Runs', to: '/runs' }]}
        actions={<ActionButton action={make} />}
      />
      <DataTable
        id="tensorboard"
        label="TensorBoards"
        list={list}
        columns={columns(given.open)}
        rowKey={({ id }) => id}
        rowLabel={({ name }) => name}
        actions={(board) => tensorboardActions(board, given)}
        empty={
          <EmptyState title="No TensorBoards yet." command="tensorboard create --job JOB">
            One shows the event files among the artifacts of jobs and experiments, of running ones too.
          </EmptyState>
        }
      />
      {text('new') !== '' && (
        <TensorboardForm
          initial={{ jobs: text('jobs'), experiments: text('experiments') }}
          onClose={() => change({ new: undefined, jobs: undefined, experiments: undefined })}
        />
      )}
      {leaving && <DeleteTensorboard board={leaving} onClose={() => setLeaving(undefined)} />}
    </>
  )
}

function useTensorboards() {
  const open = useAction({
    run: ({ id }: Tensorboard) => openTab(() => client.tensorboard.open({ tensorboard: id, body: {} })),
  })
  const start = useAction({
    run: ({ id }: Tensorboard) => client.tensorboard.start({ tensorboard: id }),
    done: ({ name }) => `TensorBoard ${name} is being started`,
    changes: ['tensorboard'],
  })
  const stop = useAction({
    run: ({ id }: Tensorboard) => client.tensorboard.stop({ tensorboard: id }),
    done: ({ name }) => `TensorBoard ${name} is being stopped`,
    changes: ['tensorboard'],
  })
  return { open: open.run, start: start.run, stop: stop.run }
}

const columns = (open: (board: Tensorboard) => unknown): readonly Column<Tensorboard>[] => [
  {
    id: 'name',
    title: 'Name',
    width: 'minmax(140px, 2fr)',
    cell: (board) =>
      board.state === 'running' && board.address !== null ? (
        <UnstyledButton className="tensorboard-open" onClick={() => open(board)} title="Open it in another tab">
          <bdi>{board.name}</bdi>
        </UnstyledButton>
      ) : (
        <bdi>{board.name}</bdi>
      ),
  },
  {
    id: 'state',
    title: 'State',
    width: '120px',
    card: 'fact',
    cell: ({ state, reason }) => (
      <span title={reason ?? tensorboardStates[state].about}>
        <StateBadge state={state} label={tensorboardStates[state].label} />
      </span>
    ),
  },
  { id: 'shows', title: 'Shows', width: 'minmax(160px, 3fr)', card: 'fact', cell: (board) => <Shows board={board} /> },
  {
    id: 'project',
    title: 'Project',
    width: 'minmax(100px, 1fr)',
    cell: ({ project }) => (
      <Link to={`/projects/${encodeURIComponent(project.name)}` as never} dir="auto">
        {project.name}
      </Link>
    ),
  },
  {
    id: 'reason',
    title: 'Why',
    width: 'minmax(0, 2fr)',
    cell: ({ reason }) => (
      <span className="muted ellipsis" title={reason ?? undefined}>
        {reason}
      </span>
    ),
  },
  { id: 'used', title: 'Used', width: '110px', cell: ({ usedAt }) => <RelativeTime time={usedAt} /> },
]

function Shows({ board: { experiments, jobs } }: { board: Tensorboard }): ReactNode {
  const all = [
    ...experiments.map(({ id, name }) => ({ to: `/experiments/${id}`, name })),
    ...jobs.map(({ id, name }) => ({ to: `/jobs/${id}`, name })),
  ]
  return (
    <span className="ellipsis" title={all.map(({ name }) => name).join(', ')}>
      {all.map(({ to, name }, index) => (
        <span key={to}>
          {index > 0 && ', '}
          <Link to={to as never} dir="auto">
            {name}
          </Link>
        </span>
      ))}
    </span>
  )
}

function DeleteTensorboard({ board, onClose }: { board: Tensorboard; onClose: () => void }): ReactNode {
  const { id, name } = board
  const action = useAction({
    run: () => client.tensorboard.delete({ tensorboard: id }),
    done: () => `Deleted TensorBoard ${name}`,
    changes: ['tensorboard'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`TensorBoard ${name}`}
      name={name}
      takes={[]}
      note="It is stopped if it runs. Jobs and their artifacts stay."
      action={action}
      command={`tensorboard delete ${id}`}
      onClose={onClose}
    />
  )
}
