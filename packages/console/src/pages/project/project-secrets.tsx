import type { Project } from '@nabla/api/project'
import type { Secret } from '@nabla/api/secret'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useShortList } from '../../api/short-list.ts'
import { ActionButton } from '../../parts/action-button.tsx'
import { RelativeTime } from '../../parts/amount.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState } from '../../parts/states.tsx'
import { DeleteSecret } from '../secret/delete-secret.tsx'
import { SecretForm } from '../secret/secret-form.tsx'

const columns: readonly Column<Secret>[] = [
  { id: 'name', title: 'Name', width: 'minmax(160px, 2fr)', cell: ({ name }) => <span className="mono">{name}</span> },
  {
    id: 'scope',
    title: 'For',
    width: 'minmax(120px, 2fr)',
    card: 'fact',
    cell: ({ project }) => (project ? 'this project' : 'the whole team'),
  },
  {
    id: 'changed',
    title: 'Changed',
    width: '110px',
    card: 'fact',
    cell: (row) => <RelativeTime time={row.updatedAt} />,
  },
]

type Open = { form: 'set'; secret?: Secret } | { form: 'delete'; secret: Secret }

/** The secrets that jobs of a project can have: its own, and those of the team. */
export function ProjectSecrets({ project }: { project: Project }): ReactNode {
  const list = useShortList<Secret>({
    noun: 'secret',
    verb: 'list',
    input: { project: project.id },
    // Asked for by its project, the list leaves out those of the team.
    fetch: async (page, options) => {
      const { items, next } = await client.secret.list(page, options)
      return { items: items.filter((one) => one.project === null || one.project.id === project.id), next }
    },
  })
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const make = {
    label: 'New secret',
    command: `secret set NAME --project ${quote(project.name)}`,
    run: () => setOpen({ form: 'set' }),
  }
  const ofTeam = 'It belongs to the team: change it in the settings.'
  return (
    <>
      <div className="row project-head">
        <p className="muted grow">
          A job gets a secret with <code>--secret NAME</code>. One of the project is taken before one of the team.
        </p>
        <ActionButton action={make} />
      </div>
      <DataTable
        id="project-secret"
        label="Secrets"
        list={list}
        columns={columns}
        rowKey={({ name, project }) => `${project?.id ?? ''}/${name}`}
        rowLabel={({ name }) => name}
        actions={(secret) => [
          {
            label: 'Replace the value',
            icon: 'edit',
            unavailable: secret.project ? undefined : ofTeam,
            command: `secret set ${secret.name} --project ${quote(project.name)}`,
            run: () => setOpen({ form: 'set', secret }),
          },
          {
            label: 'Delete',
            icon: 'trash',
            danger: true,
            unavailable: secret.project ? undefined : ofTeam,
            command: `secret delete ${secret.name} --project ${quote(project.name)}`,
            run: () => setOpen({ form: 'delete', secret }),
          },
        ]}
        empty={<EmptyState title="No secrets yet." command={make.command} />}
      />
      {open?.form === 'set' && (
        <SecretForm of={project.name} {...(open.secret && { secret: open.secret })} onClose={close} />
      )}
      {open?.form === 'delete' && <DeleteSecret secret={open.secret} onClose={close} />}
    </>
  )
}
