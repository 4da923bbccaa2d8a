import { Button, PasswordInput, SegmentedControl, TagsInput, TextInput } from '@mantine/core'
import type { Job } from '@nabla/api/job'
import { type ReactNode, useRef, useState } from 'react'
import { Bytes } from '../../parts/amount.tsx'
import { formatBytes, formatCount, plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { hashesSlowly } from '../../sync/hash.ts'
import { archiveNames, takeChosen, takeDropped } from '../../sync/picked.ts'
import type { Scan } from '../../sync/scan.ts'
import type { FilesFrom, JobFiles } from './job-form-files.ts'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'
import '@mantine/core/styles/PasswordInput.css'

/** Where the files of the job come from: dropped, chosen, fetched, or none. Dropping works whatever is shown. */
export function SourcePanel(props: {
  files: JobFiles
  clone: Job | undefined
  problem: string | undefined
}): ReactNode {
  const { files, clone, problem } = props
  const [isOver, setIsOver] = useState(false)
  const choices: { value: FilesFrom; label: string }[] = [
    ...(clone ? [{ value: 'same' as const, label: 'The same' }] : []),
    ...(files.stored ? [{ value: 'stored' as const, label: 'On the server' }] : []),
    { value: 'nothing', label: 'None' },
    { value: 'folder', label: 'Folder' },
    { value: 'archive', label: 'Archive' },
    { value: 'git', label: 'Git' },
  ]
  const drop = (event: React.DragEvent) => {
    event.preventDefault()
    setIsOver(false)
    void takeDropped(event.dataTransfer)?.then(files.take)
  }
  return (
    <div
      className={isOver ? 'job-drop-over' : undefined}
      onDragOver={(event) => {
        event.preventDefault()
        setIsOver(true)
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setIsOver(false)
      }}
      onDrop={drop}
    >
      <Panel
        title="Files"
        actions={
          <SegmentedControl
            aria-label="Where the files come from"
            value={files.from}
            onChange={files.setFrom}
            data={choices}
          />
        }
      >
        <div className="stack">
          <Source files={files} clone={clone} />
          {problem !== undefined && (
            <p className="error-text" role="alert">
              {problem}
            </p>
          )}
        </div>
      </Panel>
    </div>
  )
}

function Source({ files, clone }: { files: JobFiles; clone: Job | undefined }): ReactNode {
  switch (files.from) {
    case 'same':
      return <SameFiles job={clone} />
    case 'stored':
      return <p className="muted">{files.stored?.label}: they were sent before.</p>
    case 'nothing':
      return (
        <p className="muted">
          The command starts in an empty folder. Drop a folder or a zip file here to send files with it.
        </p>
      )
    case 'folder':
      return <FolderSource files={files} />
    case 'archive':
      return <ArchiveSource files={files} />
    case 'git':
      return <GitSource files={files} />
    default:
      return files.from satisfies never
  }
}

function SameFiles({ job }: { job: Job | undefined }): ReactNode {
  if (!job?.workspace) return <p className="muted">The job that this is a clone of began with no files.</p>
  const { files, sizeBytes } = job.workspace
  return (
    <p className="muted">
      {plural(files, 'file')}, <Bytes bytes={sizeBytes} />, as {job.name} began with them. They are not sent again.
    </p>
  )
}

function FolderSource({ files }: { files: JobFiles }): ReactNode {
  const input = useRef<HTMLInputElement>(null)
  const { folder, scan, ignore, setIgnore } = files
  return (
    <>
      <div className="job-drop">
        <Button onClick={() => input.current?.click()} leftSection={<Icon name="folder" size={14} />}>
          {folder ? 'Choose another folder' : 'Choose a folder'}
        </Button>
        <span className="muted ellipsis" dir="auto">
          {folder ? folder.name || 'What was dropped' : 'or drop one here'}
        </span>
        <input
          ref={input}
          type="file"
          hidden
          multiple
          {...{ webkitdirectory: '' }}
          onChange={({ currentTarget }) => {
            if (currentTarget.files?.length) files.take({ is: 'folder', folder: takeChosen([...currentTarget.files]) })
            currentTarget.value = ''
          }}
        />
      </div>
      {folder && !scan && <p className="muted">Looking at the files…</p>}
      {scan && <Preview scan={scan} />}
      <TagsInput
        label="Leave out"
        description="Beside what .gitignore and .nablaignore name, caches and virtual environments. A line of .gitignore each."
        placeholder="*.bin"
        value={[...ignore]}
        onChange={setIgnore}
      />
      {hashesSlowly() && (
        <p className="faint">
          This page came by plain HTTP, so the browser lends no fast hashing: large folders take longer. HTTPS or
          localhost is quicker.
        </p>
      )}
    </>
  )
}

/** Rows of each list of the preview. */
const mostRows = 6
/** From this size on it is said how to send less. */
const largeBytes = 100_000_000

/** What travels, largest first, and what stays and why. */
function Preview({ scan }: { scan: Scan }): ReactNode {
  const files = scan.entries.filter((entry) => entry.type === 'file')
  const largest = files.toSorted((one, other) => other.file.size - one.file.size).slice(0, mostRows)
  return (
    <div className="stack" aria-label="What travels" role="group">
      <p>
        <strong>
          {plural(scan.files, 'file')}, {formatBytes(scan.sizeBytes)}
        </strong>{' '}
        <span className="muted">at most; what the server has already does not travel again.</span>
      </p>
      {scan.sizeBytes > largeBytes && (
        <p className="warning-text">
          <Icon name="warning" size={14} /> That is a lot for each job. Put data into storage or a dataset, and leave it
          out here.
        </p>
      )}
      {scan.unreadable.length > 0 && (
        <p className="warning-text">
          <Icon name="warning" size={14} /> {plural(scan.unreadable.length, 'file')} cannot be read and would be
          missing: {scan.unreadable.slice(0, 3).join(', ')}
        </p>
      )}
      <div className="job-preview">
        <div>
          <h3>Largest</h3>
          <ul>
            {largest.map(({ path, file }) => (
              <li key={path}>
                <span className="mono ellipsis" dir="auto" title={path}>
                  {path}
                </span>
                <Bytes bytes={file.size} />
              </li>
            ))}
          </ul>
        </div>
        <div>
          <h3>Stays here{scan.left.length > 0 ? ` (${formatCount(scan.left.length)})` : ''}</h3>
          {scan.left.length === 0 && <p className="faint">Nothing.</p>}
          <ul>
            {scan.left.slice(0, mostRows).map(({ path, why }) => (
              <li key={path}>
                <span className="mono ellipsis" dir="auto" title={path}>
                  {path}
                </span>
                <span className="faint ellipsis" title={why}>
                  {why}
                </span>
              </li>
            ))}
          </ul>
        </div>
      </div>
    </div>
  )
}

function ArchiveSource({ files }: { files: JobFiles }): ReactNode {
  const input = useRef<HTMLInputElement>(null)
  const { archive } = files
  const [refused, setRefused] = useState<string>()
  return (
    <>
      <div className="job-drop">
        <Button onClick={() => input.current?.click()} leftSection={<Icon name="file" size={14} />}>
          {archive ? 'Choose another archive' : 'Choose an archive'}
        </Button>
        <span className="muted ellipsis" dir="auto">
          {archive ? `${archive.name}, ${formatBytes(archive.size)}` : 'or drop a .zip, .tar or .tar.gz file here'}
        </span>
        <input
          ref={input}
          type="file"
          accept=".zip,.tar,.gz,.tgz"
          hidden
          onChange={({ currentTarget }) => {
            const file = currentTarget.files?.[0]
            const fits = file !== undefined && archiveNames.test(file.name)
            setRefused(file && !fits ? `${file.name} is no .zip, .tar or .tar.gz file.` : undefined)
            if (fits) files.take({ is: 'archive', file })
            currentTarget.value = ''
          }}
        />
      </div>
      {refused !== undefined && (
        <p className="error-text" role="alert">
          {refused}
        </p>
      )}
    </>
  )
}

function GitSource({ files: { git, setGit } }: { files: JobFiles }): ReactNode {
  const field = (key: keyof typeof git) => ({
    value: git[key] ?? '',
    onChange: (event: { currentTarget: { value: string } }) => setGit({ ...git, [key]: event.currentTarget.value }),
    autoComplete: 'off',
    spellCheck: false,
  })
  return (
    <div className="job-fields">
      <TextInput className="job-wide" label="Address" placeholder="https://github.com/me/code.git" {...field('url')} />
      <TextInput label="Branch, tag or commit" placeholder="the default branch" {...field('ref')} />
      <TextInput label="User name" placeholder="none" {...field('username')} />
      <PasswordInput
        label="Token, or secret:NAME"
        placeholder="none"
        {...field('password')}
        autoComplete="new-password"
      />
    </div>
  )
}
