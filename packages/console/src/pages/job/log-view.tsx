import type { Job } from '@nabla/api/job'
import { jobStates } from '@nabla/api/job'
import type { LogLine, LogSource } from '@nabla/api/log'
import { type ReactNode, useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { useLocation } from '@tanstack/react-router'
import { CommandLine } from '../../parts/copy.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { formatCount, plural } from '../../parts/format.ts'
import { readKept, writeKept } from '../../parts/kept.ts'
import { quote } from '../../parts/quote.ts'
import { EmptyState, ErrorNote, ErrorState, Lines } from '../../parts/states.tsx'
import { toast } from '../../parts/toast.ts'
import { type Search, useSetUrlSearch, useUrlSearch } from '../../parts/url-state.ts'
import { stripAnsi } from '../../parts/ansi.ts'
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
  const rows = useFiltered(feed, job.id, { text: only ? text : '', source }) ?? feed
  const search = useLogSearch(job.id, text, source, feed.count)
  const [look, setLook] = useKeptLook()
  const [follow, setFollow] = useState(selection === undefined)
  const [target, setTarget] = useState(selection && { seq: selection[0] })
  const [top, setTop] = useState(1)
  const [whole, setWhole] = useState<LogLine>()
  const goTo = (seq: number) => {
    address.select(seq, false)
    setTarget({ seq })
  }
  const from = selection?.[0]
  const goBeside = (step: 1 | -1) => {
    const place = placeBeside(search.places, from ?? (step === 1 ? top - 1 : top), step)
    if (place !== undefined) goTo(place)
  }
  const goToError = async (step: 1 | -1) => {
    const place = await findError(job.id, from ?? (step === 1 ? 0 : feed.count + 1), step).catch(() => undefined)
    if (place === undefined)
      toast(step === 1 ? 'No error after this line' : 'No error before this line', { tone: 'info' })
    else goTo(place)
  }
  if (feed.error && feed.count === 0) return <ErrorState error={feed.error} onRetry={() => location.reload()} />
  const command = `job logs ${feed.ended ? '' : '--follow '}${source ? `--source ${source} ` : ''}${text && feed.ended ? `--grep ${quote(text)} ` : ''}${quote(job.name)}`
  const isEmpty = feed.count === 0 && !feed.isLoading
  return (
    <section className="panel log" aria-label="Log of the job">
      <LogToolbar
        {...{ job, look, setLook, follow, search, address }}
        ended={feed.ended}
        onFollow={() => setFollow(!follow)}
        onPlace={goBeside}
        onError={(step) => void goToError(step)}
        place={from}
      />
      <ErrorNote error={feed.error ?? search.error} />
      {feed.isLoading ? (
        <div className="panel-body">
          <Lines count={8} />
        </div>
      ) : isEmpty ? (
        <EmptyState title={emptyTitle(job)} />
      ) : rows.count === 0 ? (
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
      <LogFoot count={feed.count} shown={rows === feed ? undefined : rows} command={command} />
      {whole && (
        <Dialog title={`Line ${formatCount(whole.seq)}`} onClose={() => setWhole(undefined)} size={900}>
          <pre className="log-whole" tabIndex={0}>
            {stripAnsi(whole.text)}
          </pre>
        </Dialog>
      )}
    </section>
  )
}

const emptyTitle = (job: Job): string =>
  jobStates[job.state].ended
    ? 'It wrote nothing.'
    : job.state === 'pending'
      ? 'It has not begun yet.'
      : 'Nothing was written yet.'

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

export interface LogAddress {
  text: string
  source: LogSource | undefined
  /** Only lines with the text are shown. */
  only: boolean
  /** First and last of the lines that are picked. */
  selection: readonly [number, number] | undefined
  change: (change: Search) => void
  select: (seq: number, extend: boolean) => void
  clear: () => void
  hrefOf: (seq: number) => string
}

/** What of a log stands in the address: `?line=12-20&find=loss&source=stderr`. */
function useLogAddress(): LogAddress {
  const search = useUrlSearch()
  const change = useSetUrlSearch()
  const path = useLocation({ select: ({ pathname }) => pathname })
  const word = (name: string) => (typeof search[name] === 'string' ? search[name] : '')
  const line = word('line')
  const selection = useMemo(() => parseLines(line), [line])
  const from = selection?.[0]
  const select = useCallback(
    (seq: number, extend: boolean) => {
      const range =
        extend && from !== undefined && seq !== from ? `${Math.min(from, seq)}-${Math.max(from, seq)}` : `${seq}`
      change({ line: range })
    },
    [change, from],
  )
  const source = (['stdout', 'stderr', 'system'] as const).find((one) => one === word('source'))
  return {
    text: word('find'),
    source,
    only: word('only') !== '',
    selection,
    change,
    select,
    clear: () => change({ line: undefined }),
    hrefOf: useCallback((seq) => `${path}?line=${seq}`, [path]),
  }
}

function parseLines(text: string): readonly [number, number] | undefined {
  const [, first, last] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text) ?? []
  return first === undefined ? undefined : [Number(first), Math.max(Number(first), Number(last ?? first))]
}

function useKeptLook(): [LogLook, (look: LogLook) => void] {
  const [look, setLook] = useState<LogLook>(() => readKept('log', { times: 'off', wrap: false }))
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
