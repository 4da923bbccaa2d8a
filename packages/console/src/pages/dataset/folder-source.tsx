import { Button } from '@mantine/core'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { formatBytes, plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { type PickedFolder, takeChosen, takeDropped } from '../../sync/picked.ts'
import { scanFolder } from '../../sync/scan.ts'
import type { Draft } from './draft.ts'

/** Chooses a folder, or takes one that is dropped, and looks at what is in it. */
export function FolderSource({ draft, change }: { draft: Draft; change: (part: Partial<Draft>) => void }): ReactNode {
  const input = useRef<HTMLInputElement>(null)
  const [folder, setFolder] = useState<PickedFolder>()
  const [isOver, setOver] = useState(false)
  const [note, setNote] = useState<string>()
  const { scan } = draft
  useEffect(() => {
    if (!folder) return
    const control = new AbortController()
    change({ scan: undefined, folderName: folder.name })
    scanFolder(folder, [], control.signal).then(
      (found) => change({ scan: found }),
      (error: unknown) => control.signal.aborted || setNote(String(error)),
    )
    return () => control.abort()
  }, [folder])
  const take = async (event: React.DragEvent) => {
    event.preventDefault()
    setOver(false)
    setNote(undefined)
    const picked = await takeDropped(event.dataTransfer)
    if (picked?.is === 'folder') setFolder(picked.folder)
    else if (picked) setNote('Put an archive into the storage first, or unpack it: a version is made of files.')
  }
  return (
    <div
      className={`source-drop ${isOver ? 'source-over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => void take(event)}
    >
      <Button onClick={() => input.current?.click()} leftSection={<Icon name="folder" size={14} />}>
        {folder ? 'Choose another folder' : 'Choose a folder'}
      </Button>
      <span className="muted">
        {scan
          ? `${plural(scan.files, 'file')}, ${formatBytes(scan.sizeBytes)}${scan.left.length > 0 ? `; ${plural(scan.left.length, 'entry', 'entries')} left out by ignore files` : ''}`
          : folder
            ? 'Looking at the files…'
            : 'or drop one here'}
      </span>
      {note !== undefined && (
        <span className="error-text" role="alert">
          {note}
        </span>
      )}
      <input
        ref={input}
        type="file"
        hidden
        multiple
        aria-label="Folder of the version"
        {...{ webkitdirectory: '' }}
        onChange={({ currentTarget }) => {
          setNote(undefined)
          if (currentTarget.files?.length) setFolder(takeChosen([...currentTarget.files]))
          currentTarget.value = ''
        }}
      />
    </div>
  )
}
