import { Autocomplete, Checkbox, TextInput } from '@mantine/core'
import type { FileEntry } from '@nabla/api/file'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useAction } from '../../parts/action.ts'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { formatBytes, plural } from '../../parts/format.ts'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { quote } from '../../parts/quote.ts'
import { reread } from './listing.ts'
import { folderOf, join, nameOf, whyNotName } from './paths.ts'

type Entry = Pick<FileEntry, 'path' | 'type'>

/** What is asked before something of the storage changes. */
export type Asked =
  | { ask: 'folder'; folder: string }
  | ({ ask: 'move' | 'copy' } & Entry)
  | { ask: 'move-all'; paths: readonly string[]; folder: string }
  | { ask: 'delete'; entries: readonly Entry[]; folder: string }

/** The dialog that asks it. */
export function StorageDialog({ asked, onClose }: { asked: Asked; onClose: () => void }): ReactNode {
  switch (asked.ask) {
    case 'folder':
      return <NewFolder folder={asked.folder} onClose={onClose} />
    case 'move':
    case 'copy':
      return <Relocate verb={asked.ask} entry={asked} onClose={onClose} />
    case 'move-all':
      return <MoveAll {...asked} onClose={onClose} />
    case 'delete':
      return <DeleteEntries {...asked} onClose={onClose} />
    default:
      return asked satisfies never
  }
}

function NewFolder({ folder, onClose }: { folder: string; onClose: () => void }): ReactNode {
  const [name, setName] = useState('')
  const [tried, setTried] = useState(false)
  const wrong = whyNotName(name)
  const path = join(folder, name)
  const make = useAction<void, { path: string }>({
    run: () => client.storage.makeFolder({ body: { path } }),
    done: () => `Made folder ${name}`,
    quiet: true,
  })
  const submit = async () => {
    setTried(true)
    if (wrong !== undefined || !(await make.run())) return
    reread()
    onClose()
  }
  return (
    <FormDialog
      title="New folder"
      submit="Make folder"
      onSubmit={submit}
      onClose={onClose}
      pending={make.pending}
      error={make.error}
      command={`storage mkdir ${quote(name === '' ? join(folder, 'NAME') : path)}`}
    >
      <TextInput
        label="Name"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={tried || name !== '' ? wrong : undefined}
        autoComplete="off"
        dir="auto"
        data-autofocus
      />
    </FormDialog>
  )
}

/** Renames, moves or copies one file or folder: all three are a new path. */
function Relocate(props: { verb: 'move' | 'copy'; entry: Entry; onClose: () => void }): ReactNode {
  const { verb, entry, onClose } = props
  const { path, type } = entry
  const [to, setTo] = useState(path)
  const [overwrite, setOverwrite] = useState(false)
  const wrong = whyNotPath(to, path)
  const action = useAction<void, { path: string } | { files: number; complete: boolean }>({
    run: () =>
      verb === 'move'
        ? client.storage.move({ body: { from: path, to, overwrite } })
        : client.storage.copy({ body: { from: { path }, to } }),
    done: (result) => {
      if ('files' in result)
        return `Copied ${plural(result.files, 'file')}${result.complete ? '' : '; copy again for the rest'}`
      const message = folderOf(to) === folderOf(path) ? `Renamed ${nameOf(path)}` : `Moved ${nameOf(path)}`
      if (overwrite) return message
      return { message, undo: () => client.storage.move({ body: { from: to, to: path } }).then(reread) }
    },
    quiet: true,
  })
  const submit = async () => {
    if (wrong !== undefined || !(await action.run())) return
    reread()
    onClose()
  }
  const command =
    verb === 'move'
      ? `storage mv ${quote(path)} ${quote(to)}${overwrite ? ' --force' : ''}`
      : `cp ${type === 'folder' ? '-r ' : ''}${quote(`storage:${path}${type === 'folder' ? '/' : ''}`)} ${quote(`storage:${to}`)}`
  return (
    <FormDialog
      title={verb === 'move' ? `Rename or move ${nameOf(path)}` : `Copy ${nameOf(path)}`}
      submit={verb === 'move' ? 'Move' : 'Copy'}
      onSubmit={submit}
      onClose={onClose}
      pending={action.pending}
      error={action.error}
      command={command}
    >
      <FolderField label="New path" value={to} onChange={setTo} error={to === path ? undefined : wrong} />
      {verb === 'move' && type === 'file' && (
        <Checkbox
          label="Replace a file that is there"
          checked={overwrite}
          onChange={(event) => setOverwrite(event.currentTarget.checked)}
        />
      )}
    </FormDialog>
  )
}

function MoveAll(props: { paths: readonly string[]; folder: string; onClose: () => void }): ReactNode {
  const { paths, folder, onClose } = props
  const [to, setTo] = useState(folder)
  const target = to.replace(/\/+$/, '')
  const move = useAction<void, boolean>({
    run: async () => {
      for (const path of paths) await client.storage.move({ body: { from: path, to: join(target, nameOf(path)) } })
      return true
    },
    done: () => ({
      message: `Moved ${plural(paths.length, 'entry', 'entries')} to ${target || 'the top'}`,
      async undo() {
        for (const path of paths) await client.storage.move({ body: { from: join(target, nameOf(path)), to: path } })
        reread()
      },
    }),
    quiet: true,
  })
  const submit = async () => {
    if (target === folder) return
    const moved = await move.run()
    reread()
    if (moved) onClose()
  }
  return (
    <FormDialog
      title={`Move ${plural(paths.length, 'entry', 'entries')}`}
      submit="Move"
      onSubmit={submit}
      onClose={onClose}
      pending={move.pending}
      error={move.error}
      command={`storage mv ${quote(paths[0]!)} ${quote(`${target}/`)}`}
    >
      <FolderField label="To folder" value={to} onChange={setTo} error={undefined} />
    </FormDialog>
  )
}

function DeleteEntries(props: { entries: readonly Entry[]; folder: string; onClose: () => void }): ReactNode {
  const { entries, onClose } = props
  const [first] = entries
  const isOne = entries.length === 1
  const folder = isOne && first?.type === 'folder' ? first.path : undefined
  const du = useApi('storage', 'du', { path: folder ?? '', depth: 1, limit: 1 }, { enabled: folder !== undefined })
  const remove = useAction<void, boolean>({
    run: async () => {
      for (const { path, type } of entries) {
        await client.storage.delete({ path, ...(type === 'folder' && { recursive: 'true' }) })
      }
      return true
    },
    done: () => `Deleted ${isOne ? nameOf(first!.path) : plural(entries.length, 'entry', 'entries')}`,
    quiet: true,
  })
  const close = () => {
    onClose()
    reread()
  }
  return (
    <ConfirmDelete
      what={isOne ? `${first?.type} ${nameOf(first!.path)}` : plural(entries.length, 'entry', 'entries')}
      name={isOne ? nameOf(first!.path) : `delete ${entries.length}`}
      takes={isOne ? (folder === undefined ? [] : du.data && whatGoes(du.data)) : namesOf(entries)}
      action={remove}
      command={`storage rm ${entries.some(({ type }) => type === 'folder') ? '-r ' : ''}${entries
        .slice(0, 20)
        .map(({ path }) => quote(path))
        .join(' ')}${entries.length > 20 ? ' …' : ''}`}
      onClose={close}
    />
  )
}

function whatGoes({ total, complete }: { total: { files: number; sizeBytes: number }; complete: boolean }): string[] {
  if (total.files === 0) return []
  return [`${complete ? '' : 'at least '}${plural(total.files, 'file')}`, formatBytes(total.sizeBytes)]
}

function namesOf(entries: readonly Entry[]): string[] {
  const names = entries.slice(0, 10).map(({ path, type }) => (type === 'folder' ? `${nameOf(path)}/` : nameOf(path)))
  return entries.length > 10 ? [...names, `and ${entries.length - 10} more`] : names
}

/** A path that is typed, with the folders that could follow. */
export function FolderField(props: {
  label: string
  value: string
  onChange: (value: string) => void
  error: string | undefined
  description?: string
}): ReactNode {
  const { label, value, onChange, error, description } = props
  const parent = folderOf(value)
  const { data } = useApi('storage', 'list', { path: parent, limit: 200 })
  const folders = data?.items.flatMap(({ path, type }) => (type === 'folder' ? [`${path}/`] : [])) ?? []
  return (
    <Autocomplete
      label={label}
      {...(description === undefined ? {} : { description })}
      value={value}
      onChange={onChange}
      data={folders}
      limit={12}
      error={error}
      openOnFocus={false}
      autoComplete="off"
      dir="auto"
      data-autofocus
    />
  )
}

function whyNotPath(to: string, from: string): string | undefined {
  if (to === from) return 'That is where it is.'
  if (to.startsWith('/')) return 'Paths begin below /storage, without a slash.'
  if (to.startsWith(`${from}/`)) return 'That lies in what is to be moved.'
  for (const part of to.split('/')) {
    const wrong = whyNotName(part)
    if (wrong !== undefined) return part === '' ? 'A name is missing between or after slashes.' : wrong
  }
  return undefined
}
