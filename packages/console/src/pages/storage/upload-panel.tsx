import { Button, UnstyledButton } from '@mantine/core'
import { type ReactNode, useReducer, useRef, useState } from 'react'
import { now } from '../../clock.ts'
import { useTick } from '../../parts/amount.tsx'
import { formatBytes, formatDuration, plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { nameOf } from './paths.ts'
import { isSameFile, type RememberedUpload, rememberedUploads } from './upload-memory.ts'
import {
  addUploads,
  cancelOnServer,
  cancelUploads,
  clearUploads,
  pauseUploads,
  resumeUploads,
  type UploadItem,
  type UploadQueue,
  useUploads,
} from './upload-queue.ts'

/** Files that are named; of the others there is a count. */
const mostShown = 6

/** What is on its way into the storage, and what was cut off by a reload and can go on. */
export function UploadPanel(): ReactNode {
  const queue = useUploads()
  const sending = new Set(queue.items.map(({ path }) => path))
  const cut = rememberedUploads().filter(({ path }) => !sending.has(path))
  if (queue.items.length === 0 && cut.length === 0) return null
  const open = queue.items.filter(({ state }) => state !== 'done')
  const isPaused = open.length > 0 && open.every(({ state }) => state === 'paused' || state === 'failed')
  return (
    <div className="uploads">
      <Panel
        title={
          open.length > 0
            ? `Uploading ${plural(open.length, 'file')}`
            : queue.items.length > 0
              ? 'Uploaded'
              : 'Uploads that were cut off'
        }
        flush
        actions={
          <>
            {open.length > 0 && (
              <>
                <Button
                  size="compact-xs"
                  leftSection={<Icon name={isPaused ? 'play' : 'pause'} size={14} />}
                  onClick={() => (isPaused ? resumeUploads() : pauseUploads())}
                >
                  {isPaused ? 'Go on' : 'Pause'}
                </Button>
                <Button size="compact-xs" onClick={() => cancelUploads()}>
                  Cancel all
                </Button>
              </>
            )}
            {open.length === 0 && queue.items.length > 0 && (
              <Button size="compact-xs" onClick={clearUploads}>
                Clear
              </Button>
            )}
          </>
        }
      >
        {open.length > 0 && <Total queue={queue} />}
        <ul className="upload-list">
          {pickShown(queue.items).map((item) => (
            <Row key={item.key} item={item} />
          ))}
          {cut.map((one) => (
            <CutRow key={one.id} upload={one} />
          ))}
        </ul>
        {queue.items.length > mostShown && (
          <p className="upload-rest faint number">
            {queue.items.filter(({ state }) => state === 'done').length} of {plural(queue.items.length, 'file')} done
          </p>
        )}
      </Panel>
    </div>
  )
}

/** Those with something to see: failed ones first, then what is being sent, then what waits, then what is done. */
function pickShown(items: readonly UploadItem[]): UploadItem[] {
  const order = ['failed', 'retrying', 'sending', 'paused', 'waiting', 'done'] as const
  const shown: UploadItem[] = []
  for (const state of order) {
    for (const item of items) {
      if (shown.length === mostShown) return shown
      if (item.state === state) shown.push(item)
    }
  }
  return shown
}

function Total({ queue: { sentBytes, totalBytes, bytesPerSecond } }: { queue: UploadQueue }): ReactNode {
  const leftMs = bytesPerSecond > 0 ? ((totalBytes - sentBytes) / bytesPerSecond) * 1000 : undefined
  return (
    <div className="upload-total number">
      <Bar label="All uploads" share={totalBytes === 0 ? 0 : sentBytes / totalBytes} />
      <span>
        {formatBytes(sentBytes)} of {formatBytes(totalBytes)}
      </span>
      <span className="muted">{bytesPerSecond > 0 ? `${formatBytes(bytesPerSecond)}/s` : '–'}</span>
      <span className="muted">{leftMs === undefined ? '' : `${formatDuration(Math.max(1000, leftMs))} left`}</span>
    </div>
  )
}

function Bar({ label, share }: { label: string; share: number }): ReactNode {
  const percent = Math.floor(Math.min(1, share) * 100)
  return (
    <div
      className="upload-bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <div style={{ width: `${percent}%` }} />
    </div>
  )
}

const badges = {
  waiting: { state: 'pending', label: 'waiting' },
  sending: { state: 'running', label: 'sending' },
  retrying: { state: 'warning', label: 'connection lost' },
  paused: { state: 'stopped', label: 'paused' },
  failed: { state: 'failed', label: 'failed' },
  done: { state: 'ok', label: 'done' },
} as const

function Row({ item }: { item: UploadItem }): ReactNode {
  const { key, path, file, state, sentBytes, error, retryAt } = item
  useTick(state === 'retrying' ? 1000 : null)
  const isHeld = state === 'paused' || state === 'failed'
  const name = nameOf(path)
  return (
    <li className="upload-row">
      <div className="upload-name">
        <span className="ellipsis" dir="auto" title={path}>
          {name}
        </span>
        <span className="faint number">
          {state === 'done' ? formatBytes(file.size) : `${formatBytes(sentBytes)} of ${formatBytes(file.size)}`}
        </span>
      </div>
      <Bar label={name} share={file.size === 0 ? (state === 'done' ? 1 : 0) : sentBytes / file.size} />
      <StateBadge {...badges[state]} />
      <span className="upload-buttons">
        {state !== 'done' && (
          <>
            <IconButton
              icon={state === 'failed' ? 'retry' : isHeld ? 'play' : 'pause'}
              label={`${state === 'failed' ? 'Try again with' : isHeld ? 'Go on with' : 'Pause'} ${name}`}
              onClick={() => (isHeld ? resumeUploads(key) : pauseUploads(key))}
            />
            <IconButton icon="close" label={`Cancel ${name}`} onClick={() => cancelUploads(key)} />
          </>
        )}
      </span>
      {error && (
        <p className="upload-error" role={state === 'failed' ? 'alert' : undefined}>
          {error.message}{' '}
          {state === 'retrying' && retryAt !== undefined
            ? `Trying again in ${Math.max(0, Math.ceil((retryAt - now()) / 1000))} s.`
            : error.hint}
        </p>
      )}
    </li>
  )
}

/** A large file that was cut off by a reload: the same file, chosen again, goes on where it stopped. */
function CutRow({ upload }: { upload: RememberedUpload }): ReactNode {
  const field = useRef<HTMLInputElement>(null)
  const [wrong, setWrong] = useState(false)
  const [, draw] = useReducer((count: number) => count + 1, 0)
  const choose = (file: File | undefined) => {
    if (!file) return
    setWrong(!isSameFile(upload, file))
    if (isSameFile(upload, file)) addUploads([{ path: upload.path, file }])
  }
  return (
    <li className="upload-row">
      <div className="upload-name">
        <span className="ellipsis" dir="auto" title={upload.path}>
          {upload.name}
        </span>
        <span className="faint number">
          {formatBytes(upload.sentBytes)} of {formatBytes(upload.sizeBytes)}
        </span>
      </div>
      <Bar label={upload.name} share={upload.sentBytes / Math.max(1, upload.sizeBytes)} />
      <StateBadge state="stopped" label="cut off" />
      <span className="upload-buttons">
        <Button size="compact-xs" onClick={() => field.current?.click()}>
          Choose it again
        </Button>
        <IconButton
          icon="close"
          label={`Give up ${upload.name}`}
          onClick={() => {
            cancelOnServer(upload.id)
            draw()
          }}
        />
        <input
          ref={field}
          type="file"
          hidden
          aria-label={`The file ${upload.name} again`}
          onChange={({ currentTarget }) => {
            choose(currentTarget.files?.[0])
            currentTarget.value = ''
          }}
        />
      </span>
      {wrong && (
        <p className="upload-error" role="alert">
          That is another file: its name, size or time differs. Choose the one that was being sent, or give it up.
        </p>
      )}
    </li>
  )
}

function IconButton(props: {
  icon: 'pause' | 'play' | 'retry' | 'close'
  label: string
  onClick: () => void
}): ReactNode {
  return (
    <UnstyledButton className="icon-button" onClick={props.onClick} aria-label={props.label} title={props.label}>
      <Icon name={props.icon} size={14} />
    </UnstyledButton>
  )
}
