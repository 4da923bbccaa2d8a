import type { Registry } from '@nabla/api/registry'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useShortList } from '../../api/short-list.ts'
import { ActionButton } from '../../parts/action-button.tsx'
import { type Action, useAction } from '../../parts/action.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState } from '../../parts/states.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { SectionHead } from '../settings/section.tsx'
import { RegistryForm } from './registry-form.tsx'

const columns: readonly Column<Registry>[] = [
  { id: 'name', title: 'Name', width: 'minmax(120px, 2fr)', cell: ({ name }) => <bdi>{name}</bdi> },
  {
    id: 'host',
    title: 'Host',
    width: 'minmax(140px, 2fr)',
    card: 'fact',
    cell: ({ host }) => <span className="mono">{host}</span>,
  },
  {
    id: 'user',
    title: 'User',
    width: 'minmax(100px, 1fr)',
    card: 'fact',
    cell: ({ username }) => <bdi>{username}</bdi>,
  },
  {
    id: 'changed',
    title: 'Changed',
    width: '110px',
    card: 'fact',
    cell: (row) => <RelativeTime time={row.updatedAt} />,
  },
]

type Open = { form: 'store'; registry?: Registry } | { form: 'delete'; registry: Registry }

/** Logins for registries of container images: store, change, delete. */
export function RegistryListPage(): ReactNode {
  const list = useShortList<Registry>({
    noun: 'registry',
    verb: 'list',
    fetch: (page, options) => client.registry.list(page, options),
  })
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const make: Action = {
    label: 'New registry',
    icon: 'lock',
    command: 'registry create NAME --host HOST --username NAME',
    run: () => setOpen({ form: 'store' }),
  }
  usePaletteActions('Registries', [make])
  return (
    <>
      <SectionHead action={<ActionButton action={make} />}>
        Jobs of the team use these logins for images of their hosts. A password can be replaced, and never read back.
      </SectionHead>
      <DataTable
        id="registry"
        label="Registries"
        list={list}
        columns={columns}
        rowKey={({ id }) => id}
        rowLabel={({ name }) => name}
        actions={(registry) => [
          {
            label: 'Change',
            icon: 'edit',
            command: `registry update ${quote(registry.name)}`,
            run: () => setOpen({ form: 'store', registry }),
          },
          {
            label: 'Delete',
            icon: 'trash',
            danger: true,
            command: `registry delete ${quote(registry.name)}`,
            run: () => setOpen({ form: 'delete', registry }),
          },
        ]}
        empty={<EmptyState title="No registries yet." command="registry create github --host ghcr.io --username ME" />}
      />
      {open?.form === 'store' && <RegistryForm {...(open.registry && { registry: open.registry })} onClose={close} />}
      {open?.form === 'delete' && <DeleteRegistry registry={open.registry} onClose={close} />}
    </>
  )
}

function DeleteRegistry({ registry, onClose }: { registry: Registry; onClose: () => void }): ReactNode {
  const { id, name } = registry
  const action = useAction({
    run: () => client.registry.delete({ registry: id }),
    done: () => `Deleted registry ${name}`,
    changes: ['registry', 'image'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`registry ${name}`}
      name={name}
      takes={[]}
      note="Jobs can no longer pull private images with it. Its password cannot be brought back."
      action={action}
      command={`registry delete ${quote(name)}`}
      onClose={onClose}
    />
  )
}
