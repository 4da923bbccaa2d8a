import type { FileEntry } from '@nabla/api/file'
import type { DragEvent, ReactNode } from 'react'
import type { Action } from '../../parts/action.ts'
import { Bytes, RelativeTime } from '../../parts/amount.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { readableName } from '../../parts/file-kind.ts'
import { Icon } from '../../parts/icon.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState } from '../../parts/states.tsx'
import { beginDrag } from './drag.ts'
import { useFolder } from './listing.ts'
import { addressOf, fileAddress, folderOf, nameOf, zipAddress } from './paths.ts'
import type { Asked } from './storage-dialogs.tsx'

const columns: readonly Column<FileEntry>[] = [
  { id: 'name', title: 'Name', width: 'minmax(160px, 4fr)', cell: (entry) => <Name entry={entry} /> },
  {
    id: 'size',
    title: 'Size',
    width: '110px',
    align: 'right',
    card: 'fact',
    cell: ({ type, sizeBytes }) =>
      type === 'folder' ? <span className="faint none">–</span> : <Bytes bytes={sizeBytes} />,
  },
  {
    id: 'modified',
    title: 'Modified',
    width: '160px',
    card: 'fact',
    cell: ({ modifiedAt }) => <RelativeTime time={modifiedAt} />,
  },
  {
    id: 'place',
    title: 'In jobs',
    width: 'minmax(160px, 3fr)',
    hidden: true,
    cell: ({ path }) => <span className="mono">/storage/{path}</span>,
  },
]

/** What is in a folder, in the order of names. */
export function StorageFiles({ folder, ask }: { folder: string; ask: (asked: Asked) => void }): ReactNode {
  const list = useFolder(folder)
  const drag = (event: DragEvent) => {
    const row = (event.target as Element).closest('[role=row]')
    const entry = list.rows[Number(row?.id.replace('storage-', ''))]
    if (entry) beginDrag(event, entry.path)
  }
  return (
    <div onDragStart={drag}>
      <DataTable
        id="storage"
        label="Files"
        list={list}
        columns={columns}
        rowKey={({ path }) => path}
        rowLabel={({ path }) => nameOf(path)}
        href={({ path, type }) => (type === 'folder' ? addressOf(path) : addressOf(folderOf(path), nameOf(path)))}
        actions={(entry) => entryActions(entry, ask)}
        bulkActions={(entries) => bulkActions(entries, folder, ask)}
        empty={<NothingHere folder={folder} />}
      />
    </div>
  )
}

function Name({ entry: { path, type } }: { entry: FileEntry }): ReactNode {
  return (
    <span className="entry-name">
      <Icon name={type === 'folder' ? 'folder' : type === 'link' ? 'link' : 'file'} size={15} />
      <span className="ellipsis">{readableName(nameOf(path))}</span>
    </span>
  )
}

/** What can be done with a file or folder: in its row and where it is shown. */
export function entryActions({ path, type }: FileEntry, ask: (asked: Asked) => void): Action[] {
  const isFolder = type === 'folder'
  const name = quote(path)
  return [
    {
      label: isFolder ? 'Download as zip' : 'Download',
      icon: 'download',
      command: `storage get ${name}`,
      run: () => window.location.assign(isFolder ? zipAddress([path]) : fileAddress(path)),
    },
    {
      label: 'Rename or move',
      icon: 'edit',
      command: `storage mv ${name} TO`,
      run: () => ask({ ask: 'move', path, type }),
    },
    {
      label: 'Copy',
      icon: 'copy',
      command: `cp ${isFolder ? '-r ' : ''}${quote(`storage:${path}`)} storage:TO`,
      run: () => ask({ ask: 'copy', path, type }),
    },
    {
      label: 'Delete',
      icon: 'trash',
      danger: true,
      command: `storage rm ${isFolder ? '-r ' : ''}${name}`,
      run: () => ask({ ask: 'delete', entries: [{ path, type }], folder: folderOf(path) }),
    },
  ]
}

function bulkActions(entries: readonly FileEntry[], folder: string, ask: (asked: Asked) => void): Action[] {
  const paths = entries.map(({ path }) => path)
  const said = paths.map(quote).join(' ')
  return [
    {
      label: 'Download as zip',
      icon: 'download',
      command: `storage get ${said}`,
      run: () => window.location.assign(zipAddress(paths)),
    },
    {
      label: 'Move',
      icon: 'folder',
      command: `storage mv ${quote(paths[0] ?? 'FROM')} TO`,
      run: () => ask({ ask: 'move-all', paths, folder }),
    },
    {
      label: 'Delete',
      icon: 'trash',
      danger: true,
      command: `storage rm -r ${said}`,
      run: () => ask({ ask: 'delete', entries, folder }),
    },
  ]
}

function NothingHere({ folder }: { folder: string }): ReactNode {
  if (folder !== '') {
    return <EmptyState title="This folder is empty." command={`storage put FILE --to ${quote(`${folder}/`)}`} />
  }
  return (
    <EmptyState title="Nothing is stored yet. Drop files or folders onto this page." command="storage put data.csv">
      Every job of the team finds them at <code>/storage</code>.
    </EmptyState>
  )
}
