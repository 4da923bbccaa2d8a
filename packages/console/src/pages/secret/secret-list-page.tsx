import type { Secret } from '@nabla/api/secret'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useShortList } from '../../api/short-list.ts'
import { ActionButton } from '../../parts/action-button.tsx'
import type { Action } from '../../parts/action.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { SectionHead } from '../settings/section.tsx'
import { DeleteSecret, scopeFlag } from './delete-secret.tsx'
import { SecretForm } from './secret-form.tsx'

const columns: readonly Column<Secret>[] = [
  { id: 'name', title: 'Name', width: 'minmax(160px, 2fr)', cell: ({ name }) => <span className="mono">{name}</span> },
  {
    id: 'scope',
    title: 'For',
    width: 'minmax(120px, 2fr)',
    card: 'fact',
    cell: ({ project }) => (project ? <bdi>project {project.name}</bdi> : 'the whole team'),
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

/** Values that jobs receive and nobody reads back: set, replace, delete. */
export function SecretListPage(): ReactNode {
  const list = useShortList<Secret>({
    noun: 'secret',
    verb: 'list',
    fetch: (page, options) => client.secret.list(page, options),
  })
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const make: Action = {
    label: 'New secret',
    icon: 'lock',
    command: 'secret set NAME',
    run: () => setOpen({ form: 'set' }),
  }
  usePaletteActions('Secrets', [make])
  return (
    <>
      <SectionHead action={<ActionButton action={make} />}>
        A job gets a secret with <code>--secret NAME</code>. Its value can be replaced, and never read back.
      </SectionHead>
      <DataTable
        id="secret"
        label="Secrets"
        list={list}
        columns={columns}
        rowKey={({ name, project }) => `${project?.id ?? ''}/${name}`}
        rowLabel={({ name }) => name}
        actions={(secret) => [
          {
            label: 'Replace the value',
            icon: 'edit',
            command: `secret set ${secret.name}${scopeFlag(secret)}`,
            run: () => setOpen({ form: 'set', secret }),
          },
          {
            label: 'Delete',
            icon: 'trash',
            danger: true,
            command: `secret delete ${secret.name}${scopeFlag(secret)}`,
            run: () => setOpen({ form: 'delete', secret }),
          },
        ]}
        empty={<EmptyState title="No secrets yet." command="secret set HF_TOKEN" />}
      />
      {open?.form === 'set' && <SecretForm {...(open.secret && { secret: open.secret })} onClose={close} />}
      {open?.form === 'delete' && <DeleteSecret secret={open.secret} onClose={close} />}
    </>
  )
}
