import { Button, TagsInput, TextInput } from '@mantine/core'
import type { ApiError } from '@nabla/api/client'
import { type Model, modelName } from '@nabla/api/model'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { client } from '../../api/client.ts'
import { queries } from '../../api/query.ts'
import { toApiError } from '../../parts/action.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { formatBytes, plural } from '../../parts/format.ts'
import { issueText } from '../../parts/issue-text.ts'
import { quote } from '../../parts/quote.ts'
import { ErrorNote } from '../../parts/states.tsx'
import { toast } from '../../parts/toast.ts'
import { type PickedFolder, takeChosen, takeDropped } from '../../sync/picked.ts'
import { type Scan, scanFolder } from '../../sync/scan.ts'
import { type SendProgress, sendFolder } from '../../sync/send-folder.ts'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'
import './model.css'

/** Makes a version of a file or folder, or a model with its first version. */
export function UploadModel(props: { model?: Model; onClose: () => void; onMade?: (name: string) => void }): ReactNode {
  const { model, onClose, onMade } = props
  const [name, setName] = useState(model?.name ?? '')
  const [notes, setNotes] = useState('')
  const [aliases, setAliases] = useState<string[]>([])
  const [picked, setPicked] = useState<{ name: string; scan: Scan | undefined }>()
  const [tried, setTried] = useState(false)
  const upload = useUpload()
  const [nameIssue] = modelName.safeParse(name).error?.issues ?? []
  const wrongName = nameIssue && issueText(nameIssue)
  const submit = async () => {
    setTried(true)
    if (wrongName !== undefined || !picked?.scan) return
    const made = await upload.run(name, picked.scan, { notes, aliases })
    if (!made) return
    toast(`The server reads ${made.reference}`)
    onMade?.(name)
    onClose()
  }
  const isBusy = upload.progress !== undefined
  const flags = [...aliases.map((alias) => `--alias ${quote(alias)}`), ...(notes === '' ? [] : [`-m ${quote(notes)}`])]
  return (
    <Dialog
      title={model ? `New version of ${model.name}` : 'Upload a model'}
      onClose={onClose}
      size={580}
      mustAnswer={isBusy}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        {!model && (
          <TextInput
            label="Name"
            description="Jobs find it at /models/NAME."
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={(tried || name !== '') && wrongName}
            autoComplete="off"
            data-autofocus
          />
        )}
        <Drop onPicked={setPicked} picked={picked} />
        {tried && !picked && (
          <p className="error-text" role="alert">
            Choose a file or a folder, or drop one.
          </p>
        )}
        <Words notes={notes} setNotes={setNotes} aliases={aliases} setAliases={setAliases} />
        <CommandLine line={['model upload', name || 'NAME', quote(picked?.name ?? 'PATH'), ...flags].join(' ')} />
        <ErrorNote error={upload.error} />
        {upload.progress && <Progress progress={upload.progress} />}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button onClick={() => (isBusy ? upload.stop() : onClose())}>{isBusy ? 'Stop' : 'Cancel'}</Button>
          <Button type="submit" variant="filled" loading={isBusy}>
            Upload
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function Words(props: {
  notes: string
  setNotes: (notes: string) => void
  aliases: string[]
  setAliases: (aliases: string[]) => void
}): ReactNode {
  return (
    <>
      <TextInput
        label="Notes"
        placeholder="What is new in it"
        value={props.notes}
        onChange={(event) => props.setNotes(event.currentTarget.value)}
        dir="auto"
      />
      <TagsInput
        label="Aliases"
        description="Moved to this version once it is read, such as champion."
        value={props.aliases}
        onChange={props.setAliases}
      />
    </>
  )
}

type Picked = { name: string; scan: Scan | undefined }

/** Takes a file or a folder, chosen or dropped, and looks at what is in it. */
function Drop({ picked, onPicked }: { picked: Picked | undefined; onPicked: (picked: Picked) => void }): ReactNode {
  const files = useRef<HTMLInputElement>(null)
  const folder = useRef<HTMLInputElement>(null)
  const [isOver, setOver] = useState(false)
  const look = async (found: PickedFolder, name: string) => {
    onPicked({ name, scan: undefined })
    onPicked({ name, scan: await scanFolder(found, [], new AbortController().signal) })
  }
  const take = async (event: React.DragEvent) => {
    event.preventDefault()
    setOver(false)
    const dropped = [...event.dataTransfer.files]
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry())
    const taken = entries.some((entry) => entry?.isDirectory) ? await takeDropped(event.dataTransfer) : undefined
    if (taken?.is === 'folder') await look(taken.folder, taken.folder.name)
    else if (dropped.length > 0) await look(takeChosen(dropped), dropped[0]!.name)
  }
  const chosen = ({ currentTarget }: React.ChangeEvent<HTMLInputElement>, isFolder: boolean) => {
    const list = [...(currentTarget.files ?? [])]
    currentTarget.value = ''
    if (list.length === 0) return
    const found = takeChosen(list)
    void look(found, isFolder ? found.name : list[0]!.name)
  }
  return (
    <div
      className={`model-drop ${isOver ? 'model-over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => void take(event)}
    >
      <Button onClick={() => files.current?.click()}>Choose a file</Button>
      <Button onClick={() => folder.current?.click()}>Choose a folder</Button>
      <span className="muted">
        {picked?.scan
          ? `${picked.name}: ${plural(picked.scan.files, 'file')}, ${formatBytes(picked.scan.sizeBytes)}`
          : picked
            ? 'Looking at the files…'
            : 'or drop one here'}
      </span>
      <input
        ref={files}
        type="file"
        hidden
        multiple
        aria-label="File of the model"
        onChange={(event) => chosen(event, false)}
      />
      <input
        ref={folder}
        type="file"
        hidden
        multiple
        aria-label="Folder of the model"
        {...{ webkitdirectory: '' }}
        onChange={(event) => chosen(event, true)}
      />
    </div>
  )
}

function Progress({ progress }: { progress: SendProgress }): ReactNode {
  const { readBytes, totalBytes, sentBytes, away } = progress
  const percent = totalBytes === 0 ? 100 : Math.floor((readBytes / totalBytes) * 100)
  return (
    <p className="muted number" role="status">
      {away
        ? 'The server does not answer; it goes on by itself.'
        : `${percent} % looked at, ${formatBytes(sentBytes)} had to be sent.`}
    </p>
  )
}

function useUpload() {
  const [progress, setProgress] = useState<SendProgress>()
  const [error, setError] = useState<ApiError>()
  const control = useRef<AbortController>(undefined)
  useEffect(() => () => control.current?.abort(), [])
  const run = async (name: string, scan: Scan, more: { notes: string; aliases: string[] }) => {
    const { signal } = (control.current = new AbortController())
    setError(undefined)
    setProgress({ readBytes: 0, totalBytes: scan.sizeBytes, sentBytes: 0, away: false })
    try {
      const { digest } = await sendFolder(scan, { signal, onProgress: setProgress })
      const made = await client.model.commit({ model: name, body: { source: { from: 'tree', digest }, ...more } })
      void queries.invalidateQueries({ queryKey: ['model'] })
      return made
    } catch (thrown) {
      if (!signal.aborted) setError(toApiError(thrown))
      return undefined
    } finally {
      setProgress(undefined)
    }
  }
  return { run, progress, error, stop: () => control.current?.abort() }
}
