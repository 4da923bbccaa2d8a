import { ActionIcon, SegmentedControl, Select, TextInput, Tooltip } from '@mantine/core'
import type { Job } from '@nabla/api/job'
import { type ReactNode, useEffect, useState } from 'react'
import { formatCount } from '../../parts/format.ts'
import { Icon, type IconName } from '../../parts/icon.tsx'
import type { LogSearch } from './log-search.ts'
import type { LogAddress } from './log-address.ts'
import type { LogLook } from './log-view.tsx'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'

interface LogToolbarProps {
  job: Job
  look: LogLook
  setLook: (look: LogLook) => void
  follow: boolean
  onFollow: () => void
  ended: boolean
  search: LogSearch
  address: LogAddress
  onPlace: (step: 1 | -1) => void
  onError: (step: 1 | -1) => void
  /** The line that is picked. */
  place: number | undefined
}

/** Search, places, errors, and how the log is shown. */
export function LogToolbar(props: LogToolbarProps): ReactNode {
  const { job, look, setLook, address, ended, follow, onFollow } = props
  const raw = `/api/v1/jobs/${encodeURIComponent(job.id)}/logs/raw${address.source ? `?source=${address.source}` : ''}`
  return (
    <div className="log-tools">
      <SearchField {...props} />
      <div className="row">
        <Press label="Error before" icon="up" onClick={() => props.onError(-1)} />
        <span className="muted">errors</span>
        <Press label="Next error" icon="down" onClick={() => props.onError(1)} />
      </div>
      <div className="grow" />
      <Select
        aria-label="Source"
        data={[
          { value: '', label: 'All sources' },
          { value: 'stdout', label: 'stdout' },
          { value: 'stderr', label: 'stderr' },
          { value: 'system', label: 'system' },
        ]}
        value={address.source ?? ''}
        onChange={(value) => address.change({ source: value || undefined })}
        allowDeselect={false}
        className="log-source"
      />
      <SegmentedControl
        aria-label="Times"
        value={look.times}
        onChange={(value) => setLook({ ...look, times: value })}
        data={[
          { value: 'off', label: 'No times' },
          { value: 'relative', label: '+ s' },
          { value: 'absolute', label: 'Clock' },
        ]}
      />
      <button
        type="button"
        className="log-toggle"
        aria-pressed={look.wrap}
        onClick={() => setLook({ ...look, wrap: !look.wrap })}
      >
        Wrap
      </button>
      {!ended && (
        <button type="button" className="log-toggle" aria-pressed={follow} onClick={onFollow}>
          Follow
        </button>
      )}
      <Tooltip label="Download">
        <ActionIcon component="a" href={raw} download={`${job.name}.log`} aria-label="Download the log">
          <Icon name="download" />
        </ActionIcon>
      </Tooltip>
    </div>
  )
}

const typingMs = 200

function SearchField({ search, address, onPlace, place }: LogToolbarProps): ReactNode {
  const { text, only, change } = address
  const [typed, setTyped] = useState(text)
  useEffect(() => setTyped(text), [text])
  useEffect(() => {
    if (typed === text) return
    const timer = setTimeout(
      () => change({ find: typed || undefined, ...(typed === '' && { only: undefined }) }),
      typingMs,
    )
    return () => clearTimeout(timer)
  }, [typed, text, change])
  const rank = place === undefined ? -1 : search.places.indexOf(place)
  return (
    <div role="search" className="log-search">
      <TextInput
        type="search"
        aria-label="Search the log"
        placeholder="Search the log"
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') onPlace(event.shiftKey ? -1 : 1)
          if (event.key === 'Escape') setTyped('')
        }}
        leftSection={<Icon name="search" size={14} />}
      />
      {text !== '' && (
        <>
          <span className="muted number" role="status">
            {foundText(search, rank)}
          </span>
          <Press label="Place before" icon="up" onClick={() => onPlace(-1)} />
          <Press label="Next place" icon="down" onClick={() => onPlace(1)} />
          <button
            type="button"
            className="log-toggle"
            aria-pressed={only}
            onClick={() => change({ only: only ? undefined : 'yes' })}
          >
            Only these
          </button>
        </>
      )}
    </div>
  )
}

function foundText({ places, isCut, isSearching, progress }: LogSearch, rank: number): string {
  const count = `${formatCount(places.length)}${isCut ? '+' : ''}`
  if (isSearching && progress < 1) return `${count}, ${Math.floor(progress * 100)} %`
  if (places.length === 0) return isSearching ? '…' : 'none'
  return rank === -1 ? `${count} found` : `${formatCount(rank + 1)} of ${count}`
}

function Press({ label, icon, onClick }: { label: string; icon: IconName; onClick: () => void }): ReactNode {
  return (
    <Tooltip label={label}>
      <ActionIcon aria-label={label} onClick={onClick}>
        <Icon name={icon} />
      </ActionIcon>
    </Tooltip>
  )
}
