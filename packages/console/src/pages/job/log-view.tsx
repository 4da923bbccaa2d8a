import type { Job } from '@nabla/api/job'
import { jobStates } from '@nabla/api/job-states'
import type { LogLine, LogSource } from '@nabla/api/log'
import { type ReactNode, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import { CommandLine } from '../../parts/copy.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { formatCount, plural } from '../../parts/format.ts'
import { readKept, writeKept } from '../../parts/kept.ts'
import { isPhone } from '../../parts/phone.ts'
import { quote } from '../../parts/quote.ts'
import { EmptyState, ErrorNote, ErrorState, Lines } from '../../parts/states.tsx'
import { toast } from '../../parts/toast.ts'
import { stripAnsi } from '../../parts/ansi.ts'
import { type LogAddress, useLogAddress } from './log-address.ts'
import { FilteredLines } from './log-filtered.ts'
import { LogFeed } from './log-feed.ts'
import type { LogTimes } from './log-line.tsx'
import type { LogRows } from './log-rows.ts'
import { findError, placeBeside, useLogSearch } from './log-search.ts'
import { LogToolbar } from './log-toolbar.tsx'
import { LogViewport } from './log-viewport.tsx'
import { SelectionBar } from './log-selection.tsx'
import './log.css'

export interface LogLook {
  times: LogTimes
  wrap: boolean
}

/** The log of a job: live, searched by the server, of any length. What is looked for, and where, stands in the address. */
export function LogView({ job }: { job: Job }): ReactNode {
  const feed = useFeed(job.id)
  useSyncExternalStore(feed.subscribe, () => feed.version)
  const address = useLogAddress()
  const { text, source, only, selection } = address
  const filtered = useFiltered(feed, job.id, { text: only ? text : '', source })
  const rows = filtered ?? feed
  const search = useLogSearch(job.id, text, source, feed.count)
  const [look, setLook] = useKeptLook()
  const [follow, setFollow] = useState(selection === undefined)
  const [target, setTarget] = useState(selection && { seq: selection[0] })
  const [top, setTop] = useState(1)
  const [whole, setWhole] = useState<LogLine>()
  useChange(rows, () => (follow ? undefined : setTarget({ seq: selection?.[0] ?? top })))
  const { goBeside, goToError } = useSteps({
    job: job.id,
    count: feed.count,
    places: search.places,
    address,
    top,
    setTarget,
  })
  if (feed.error && feed.count === 0) return <ErrorState error={feed.error} onRetry={() => location.reload()} />
  const isEmpty = feed.count === 0 && !feed.isLoading
  return (
    <section className="panel log" aria-label="Log of the job">
      <LogToolbar
        {...{ job, look, setLook, follow, search, address }}
        ended={feed.ended}
        onFollow={() => setFollow(!follow)}
        onPlace={goBeside}
        onError={(step) => void goToError(step)}
        place={selection?.[0]}
      />
      <ErrorNote error={feed.error ?? search.error} />
      {feed.isLoading ? (
        <div className="panel-body">
          <Lines count={8} />
        </div>
      ) : isEmpty ? (
        <EmptyState title={emptyTitle(job)} />
      ) : rows.count === 0 && filtered?.complete ? (
        <EmptyState title="No line is like that." />
      ) : (
        <div className="log-frame">
          <LogViewport
            {...{ rows, follow, target, selection, ...look }}
            onFollow={setFollow}
            since={Date.parse(job.startedAt ?? job.createdAt)}
            marked={text.toLowerCase()}
            onPick={address.select}
            onShowAll={setWhole}
            hrefOf={address.hrefOf}
            onTop={setTop}
          />
          <NewLines count={feed.count} follow={follow} ended={feed.ended} onGo={() => setFollow(true)} />
          {selection && <SelectionBar job={job.id} selection={selection} onClear={address.clear} />}
        </div>
      )}
      <LogFoot
        count={feed.count}
        shown={rows === feed ? undefined : rows}
        command={commandOf(job, feed.ended, address)}
      />
      {whole && <WholeLine line={whole} onClose={() => setWhole(undefined)} />}
    </section>
  )
}

function WholeLine({ line, onClose }: { line: LogLine; onClose: () => void }): ReactNode {
  return (
    <Dialog title={`Line ${formatCount(line.seq)}`} onClose={onClose} size={900}>
      <pre className="log-whole" tabIndex={0}>
        {stripAnsi(line.text)}
      </pre>
    </Dialog>
  )
}

interface Steps {
  job: string
  count: number
  places: readonly number[]
  address: LogAddress
  /** The first line in sight. */
  top: number
  setTarget: (target: { seq: number }) => void
}

/** Goes to the next place that was found, or to the next error, from the line that is picked. */
function useSteps({ job, count, places, address, top, setTarget }: Steps) {
  const from = address.selection?.[0]
  const goTo = (seq: number) => {
    address.select(seq, false)
    setTarget({ seq })
  }
  return {
    goBeside(step: 1 | -1) {
      const place = placeBeside(places, from ?? (step === 1 ? top - 1 : top), step)
      if (place !== undefined) goTo(place)
    },
    async goToError(step: 1 | -1) {
      const place = await findError(job, from ?? (step === 1 ? 0 : count + 1), step).catch(() => undefined)
      if (place !== undefined) goTo(place)
      else toast(step === 1 ? 'No error after this line' : 'No error before this line', { tone: 'info' })
    },
  }
}

function commandOf({ name }: Job, ended: boolean, { text, source }: LogAddress): string {
  const flags = [
    ...(ended ? [] : ['--follow']),
    ...(source ? [`--source ${source}`] : []),
    // What is looked for is looked for in what is there, so the line does not follow.
    ...(text !== '' && ended ? [`--grep ${quote(text)}`] : []),
  ]
  return ['job logs', ...flags, quote(name)].join(' ')
}

const emptyTitle = (job: Job): string =>
  jobStates[job.state].ended
    ? 'It wrote nothing.'
    : job.state === 'pending'
      ? 'It has not begun yet.'
      : 'Nothing has been written yet.'

function useFeed(job: string): LogFeed {
  const feed = useMemo(() => new LogFeed(job), [job])
  useEffect(() => {
    void feed.start()
    return () => feed.stop()
  }, [feed])
  return feed
}

/** Undefined when all lines are to be shown. */
function useFiltered(feed: LogFeed, job: string, filter: { text: string; source: LogSource | undefined }) {
  const { text, source } = filter
  const isOn = text !== '' || source !== undefined
  const filtered = useMemo(
    () => (isOn ? new FilteredLines(job, { text, source }) : undefined),
    [job, isOn, text, source],
  )
  useSyncExternalStore(filtered?.subscribe ?? noSubscription, () => filtered?.version)
  useEffect(() => () => filtered?.stop(), [filtered])
  const isBehind = filtered !== undefined
  useEffect(() => {
    if (isBehind) void filtered.readOn()
  }, [filtered, isBehind, Math.ceil(feed.count / 100), feed.ended])
  return filtered
}

const noSubscription = () => () => undefined

/** Calls back when a value has changed, not at first. */
function useChange(value: unknown, onChange: () => void): void {
  const before = useRef(value)
  useEffect(() => {
    if (before.current === value) return
    before.current = value
    onChange()
  })
}

function useKeptLook(): [LogLook, (look: LogLook) => void] {
  const [look, setLook] = useState<LogLook>(() => readKept('log', { times: 'off', wrap: isPhone() }))
  const keep = (next: LogLook) => {
    setLook(next)
    writeKept('log', next)
  }
  return [look, keep]
}

/** Where one reads up in the log: how many lines have come since. */
function NewLines(props: { count: number; follow: boolean; ended: boolean; onGo: () => void }): ReactNode {
  const { count, follow, ended, onGo } = props
  const [seen, setSeen] = useState(count)
  useEffect(() => {
    if (follow) setSeen(count)
  }, [follow, count])
  const more = count - seen
  if (follow || (ended && more === 0)) return null
  return (
    <button type="button" className="log-new" onClick={onGo}>
      {more > 0 ? `${formatCount(more)} new` : 'Follow'} ↓
    </button>
  )
}

function LogFoot({ count, shown, command }: { count: number; shown: LogRows | undefined; command: string }): ReactNode {
  return (
    <div className="log-foot">
      <span className="muted number">
        {shown ? `${formatCount(shown.count)} of ${plural(count, 'line')}` : plural(count, 'line')}
      </span>
      <div className="grow" />
      <CommandLine line={command} />
    </div>
  )
}
