import { Button, PasswordInput, SegmentedControl, TagsInput, TextInput } from '@mantine/core'
import type { ApiError } from '@nabla/api/client'
import { type Dataset, datasetName, type DatasetVersion } from '@nabla/api/dataset'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { client } from '../../api/client.ts'
import { queries } from '../../api/query.ts'
import { toApiError } from '../../parts/action.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { formatBytes } from '../../parts/format.ts'
import { issueText } from '../../parts/issue-text.ts'
import { ErrorNote } from '../../parts/states.tsx'
import { toast } from '../../parts/toast.ts'
import { type SendProgress, sendFolder } from '../../sync/send-folder.ts'
import { FolderField } from '../storage/storage-dialogs.tsx'
import { FolderSource } from './folder-source.tsx'
import { commandOf, emptyDraft, type Draft, sourceOf, whyNotDraft } from './draft.ts'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'
import '@mantine/core/styles/PasswordInput.css'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'
import './dataset.css'

/** Makes a version of a dataset, or a dataset with its first version. */
export function NewVersion(props: {
  dataset?: Dataset
  onClose: () => void
  onMade?: (name: string) => void
}): ReactNode {
  const { dataset, onClose, onMade } = props
  const [draft, setDraft] = useState<Draft>(emptyDraft)
  const [name, setName] = useState(dataset?.name ?? '')
  const [tried, setTried] = useState(false)
  const change = (part: Partial<Draft>) => setDraft((now) => ({ ...now, ...part }))
  const commit = useCommit()
  const [nameIssue] = datasetName.safeParse(name).error?.issues ?? []
  const wrongName = nameIssue && issueText(nameIssue)
  const wrong = whyNotDraft(draft)
  const submit = async () => {
    setTried(true)
    if (wrongName !== undefined || wrong !== undefined) return
    const made = await commit.run(name, draft)
    if (!made) return
    toast(made.state === 'preparing' ? `Fetching ${name}:${made.version}` : `Made ${name}:${made.version}`)
    onMade?.(name)
    onClose()
  }
  const isBusy = commit.progress !== undefined
  return (
    <Dialog
      title={dataset ? `New version of ${dataset.name}` : 'New dataset'}
      onClose={onClose}
      size={620}
      mustAnswer={isBusy}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        {!dataset && <NameField name={name} set={setName} error={(tried || name !== '') && wrongName} />}
        <SegmentedControl
          aria-label="Where the files come from"
          value={draft.from}
          onChange={(from) => change({ from })}
          data={[
            { value: 'folder', label: 'Folder' },
            { value: 'storage', label: 'Storage' },
            { value: 'job', label: 'Job' },
            { value: 'url', label: 'Address' },
          ]}
        />
        <Source draft={draft} change={change} />
        {tried && wrong !== undefined && (
          <p className="error-text" role="alert">
            {wrong}
          </p>
        )}
        <Words draft={draft} change={change} />
        <CommandLine line={commandOf(name || 'NAME', draft)} />
        <ErrorNote error={commit.error} />
        {commit.progress && <Progress progress={commit.progress} />}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button onClick={() => (isBusy ? commit.stop() : onClose())}>{isBusy ? 'Stop' : 'Cancel'}</Button>
          <Button type="submit" variant="filled" loading={isBusy}>
            {dataset ? 'Make version' : 'Make dataset'}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function NameField(props: { name: string; set: (name: string) => void; error: ReactNode }): ReactNode {
  return (
    <TextInput
      label="Name"
      description="Jobs find it at /data/NAME."
      value={props.name}
      onChange={(event) => props.set(event.currentTarget.value)}
      error={props.error}
      autoComplete="off"
      data-autofocus
    />
  )
}

function Words({ draft, change }: { draft: Draft; change: (part: Partial<Draft>) => void }): ReactNode {
  return (
    <>
      <TextInput
        label="Message"
        placeholder="What is new in it"
        value={draft.message}
        onChange={(event) => change({ message: event.currentTarget.value })}
        dir="auto"
      />
      <TagsInput
        label="Tags"
        description="Moved to this version once it is ready, such as prod."
        value={draft.tags}
        onChange={(tags) => change({ tags })}
      />
    </>
  )
}

function Source({ draft, change }: { draft: Draft; change: (part: Partial<Draft>) => void }): ReactNode {
  switch (draft.from) {
    case 'folder':
      return <FolderSource draft={draft} change={change} />
    case 'storage':
      return (
        <FolderField
          label="File or folder in storage"
          value={draft.path}
          onChange={(path) => change({ path })}
          error={undefined}
        />
      )
    case 'job':
      return (
        <>
          <Text
            label="Job"
            about="Id or name of a job that has ended."
            value={draft.job}
            set={(job) => change({ job })}
          />
          <Text
            label="File or folder of its artifacts"
            about="All of them if left out."
            value={draft.path}
            set={(path) => change({ path })}
          />
        </>
      )
    case 'url':
      return <UrlSource draft={draft} change={change} />
    default:
      return draft.from satisfies never
  }
}

function UrlSource({ draft, change }: { draft: Draft; change: (part: Partial<Draft>) => void }): ReactNode {
  return (
    <>
      <Text
        label="Address"
        about="http, https or s3. Archives are unpacked; an address of s3 that ends in / is all below it."
        value={draft.url}
        set={(url) => change({ url })}
      />
      <Text
        label="Expected SHA-256"
        about="Anything else is refused. Leave it out to take what comes."
        value={draft.sha256}
        set={(sha256) => change({ sha256 })}
      />
      <details>
        <summary className="muted">Sign-in at that address</summary>
        <div className="stack">
          <Text label="User name or access key" value={draft.username} set={(username) => change({ username })} />
          <PasswordInput
            label="Password or secret key"
            description="Or secret:NAME, for a secret of the team. It is never shown again."
            value={draft.password}
            onChange={(event) => change({ password: event.currentTarget.value })}
            autoComplete="off"
          />
          <Text
            label="Endpoint"
            about="Of another S3 than that of AWS."
            value={draft.endpoint}
            set={(endpoint) => change({ endpoint })}
          />
        </div>
      </details>
    </>
  )
}

function Text(props: { label: string; about?: string; value: string; set: (value: string) => void }): ReactNode {
  const { label, about, value, set } = props
  return (
    <TextInput
      label={label}
      {...(about === undefined ? {} : { description: about })}
      value={value}
      onChange={(event) => set(event.currentTarget.value.trim())}
      autoComplete="off"
      spellCheck={false}
    />
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

/** Sends what a folder holds if it is one, and makes the version. */
function useCommit() {
  const [progress, setProgress] = useState<SendProgress>()
  const [error, setError] = useState<ApiError>()
  const control = useRef<AbortController>(undefined)
  useEffect(() => () => control.current?.abort(), [])
  const run = async (name: string, draft: Draft): Promise<DatasetVersion | undefined> => {
    const { signal } = (control.current = new AbortController())
    setError(undefined)
    setProgress({ readBytes: 0, totalBytes: draft.scan?.sizeBytes ?? 0, sentBytes: 0, away: false })
    try {
      const digest =
        draft.scan && draft.from === 'folder'
          ? (await sendFolder(draft.scan, { signal, onProgress: setProgress })).digest
          : ''
      const { message, tags } = draft
      const made = await client.dataset.commit({
        dataset: name,
        body: { source: sourceOf(draft, digest), message, tags },
      })
      void queries.invalidateQueries({ queryKey: ['dataset'] })
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
