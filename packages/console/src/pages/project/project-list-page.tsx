import { Button } from '@mantine/core'
import type { Project } from '@nabla/api/project'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useList } from '../../api/list.ts'
import type { Action } from '../../parts/action.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { FilterBar } from '../../parts/filter-bar.tsx'
import { formatCount } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { NothingLikeThat } from '../../parts/nothing-like-that.tsx'
import { PageHeader } from '../../parts/page-header.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { Tags } from '../../parts/tags.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { projectActions } from './actions.ts'
import { DeleteProject } from './delete-project.tsx'
import { ProjectForm } from './project-form.tsx'

const columns: readonly Column<Project>[] = [
  { id: 'name', title: 'Name', width: 'minmax(160px, 3fr)', cell: ({ name }) => name },
  { id: 'jobs', title: 'Jobs', width: '80px', align: 'right', cell: ({ jobs }) => formatCount(jobs.total) },
  { id: 'active', title: 'Active', width: '110px', card: 'fact', cell: ({ jobs }) => <Active count={jobs.active} /> },
  { id: 'tags', title: 'Tags', width: 'minmax(100px, 2fr)', card: 'fact', cell: ({ tags }) => <Tags tags={tags} /> },
  {
    id: 'created',
    title: 'Created',
    width: '100px',
    card: 'fact',
    cell: (row) => <RelativeTime time={row.createdAt} />,
  },
  { id: 'id', title: 'Id', width: '190px', hidden: true, cell: ({ id }) => <CopyId value={id} /> },
]

type Open = { form: 'make' } | { form: 'change'; project: Project } | { form: 'delete'; project: Project }

/** The projects of the team: make, rename, tag, delete. */
export function ProjectListPage(): ReactNode {
  const [tag] = useUrlState('tag')
  const list = useList<Project>({
    noun: 'project',
    input: { tag },
    fetch: (page, options) => client.project.list({ ...page, ...(tag && { tag }) }, options),
    touches: ({ type, projectId }) => (type.startsWith('job.') ? projectId : null),
  })
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const make: Action = {
    label: 'New project',
    icon: 'plus',
    command: 'project create NAME',
    run: () => setOpen({ form: 'make' }),
  }
  usePaletteActions('Projects', [make])
  const makeButton = (
    <Button variant="filled" leftSection={<Icon name="plus" size={14} />} onClick={make.run}>
      New project
    </Button>
  )
  return (
    <>
      <PageHeader title="Projects" actions={makeButton} />
      <DataTable
        id="project"
        label="Projects"
        list={list}
        columns={columns}
        rowKey={({ id }) => id}
        rowLabel={({ name }) => name}
        href={({ name }) => `/projects/${encodeURIComponent(name)}`}
        actions={(project) => projectActions(project, (form) => setOpen({ form, project }))}
        toolbar={(chooser) => (
          <FilterBar placeholder="tag:" filters={[{ key: 'tag', label: 'Tag' }]}>
            {chooser}
          </FilterBar>
        )}
        empty={
          tag ? (
            <NothingLikeThat noun="project" command="project list" keys={['tag']} />
          ) : (
            <EmptyState
              title="No projects yet. The first job of a folder makes one."
              command="run -- echo hello"
              action={makeButton}
            />
          )
        }
      />
      {open?.form === 'make' && <ProjectForm onClose={close} />}
      {open?.form === 'change' && <ProjectForm project={open.project} onClose={close} />}
      {open?.form === 'delete' && <DeleteProject project={open.project} onClose={close} />}
    </>
  )
}

function Active({ count }: { count: number }): ReactNode {
  return count === 0 ? (
    <span className="faint none">–</span>
  ) : (
    <StateBadge state="running" label={`${formatCount(count)} active`} />
  )
}
