import type { Image } from '@nabla/api/image'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useShortList } from '../../api/short-list.ts'
import { type Action, useAction } from '../../parts/action.ts'
import { Bytes, RelativeTime } from '../../parts/amount.tsx'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { formatBytes } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState } from '../../parts/states.tsx'

const columns: readonly Column<Image>[] = [
  {
    id: 'name',
    title: 'Image',
    width: 'minmax(200px, 4fr)',
    cell: (image) => (
      <span className="mono ellipsis" title={image.names.join('\n')} dir="ltr">
        {nameOf(image)}
      </span>
    ),
  },
  {
    id: 'size',
    title: 'Size',
    width: '90px',
    align: 'right',
    card: 'fact',
    cell: ({ id, sizeBytes }) => (id === null ? '–' : <Bytes bytes={sizeBytes} />),
  },
  {
    id: 'used',
    title: 'Used',
    width: '110px',
    card: 'fact',
    cell: ({ usedAt }) => (usedAt === null ? '–' : <RelativeTime time={usedAt} />),
  },
  { id: 'state', title: 'State', width: 'minmax(100px, 2fr)', card: 'fact', cell: stateOf },
  { id: 'wanted', title: 'Wanted by', width: 'minmax(100px, 2fr)', cell: ({ wantedBy }) => wantedBy.join(', ') || '–' },
]

/** The container images of the machine, with sizes and use. */
export function ImagePanel(): ReactNode {
  const list = useShortList<Image>({
    noun: 'image',
    verb: 'list',
    fetch: (_, options) => client.image.list({}, options),
  })
  const [doomed, setDoomed] = useState<Image>()
  return (
    <Panel title="Images" flush>
      <DataTable
        id="image"
        label="Images"
        list={list}
        columns={columns}
        rowKey={(image) => image.id ?? `${image.engine} ${nameOf(image)}`}
        rowLabel={nameOf}
        actions={(image) => [deletionOf(image, () => setDoomed(image))]}
        empty={<EmptyState title="No images." command="run --image python:3.13-slim -- python --version" />}
      />
      {doomed && <DeleteImage image={doomed} onClose={() => setDoomed(undefined)} />}
    </Panel>
  )
}

function deletionOf(image: Image, run: () => void): Action {
  const action = { label: 'Delete', icon: 'trash', danger: true, run } as const
  if (image.id === null) return { ...action, unavailable: 'It is not here yet.' }
  if (image.containers > 0) return { ...action, unavailable: 'A container uses it.' }
  return { ...action, command: `image delete ${quote(nameOf(image))}` }
}

const nameOf = ({ names, id }: Image): string => names[0] ?? id?.slice(0, 19) ?? ''

function stateOf({ id, containers, problem }: Image): ReactNode {
  if (problem !== null) return <span className="error-text">{problem}</span>
  if (id === null) return 'to be fetched'
  return containers > 0 ? `in use by ${containers}` : 'here'
}

function DeleteImage({ image, onClose }: { image: Image; onClose: () => void }): ReactNode {
  const name = nameOf(image)
  const action = useAction({
    run: () => client.image.delete({ image: image.id ?? name }),
    done: () => `Deleted image ${name}`,
    changes: ['image'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`image ${name}`}
      name={name}
      takes={[formatBytes(image.sizeBytes)]}
      note="The next job that wants it fetches or builds it again."
      action={action}
      command={`image delete ${quote(name)}`}
      onClose={onClose}
    />
  )
}
