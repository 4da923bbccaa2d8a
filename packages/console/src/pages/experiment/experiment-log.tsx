import { SegmentedControl, Select, TextInput } from '@mantine/core'
import type { CallOptions } from '@nabla/api/client'
import type { Experiment } from '@nabla/api/experiment'
import type { LogLine, LogSource } from '@nabla/api/log'
import { type ReactNode, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { client, plainClient } from '../../api/client.ts'
import { paletteSize } from '../../parts/palette.ts'
import { plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import type { LogTimes } from '../job/log-line.tsx'
import { LogPanel } from '../job/log-panel.tsx'
import { LogTail } from '../job/log-tail.ts'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'
import '../../parts/chart.css'

/** The logs of all nodes, interleaved as they were written, each line with its node. */
export function ExperimentLog({ experiment }: { experiment: Experiment }): ReactNode {
  const { id, jobs, startedAt, createdAt } = experiment
  const [node, setNode] = useUrlState('node')
  const [source, setSource] = useUrlState('source')
  const [times, setTimes] = useState<LogTimes>('relative')
  const [find, setFind] = useState('')
  const [follow, setFollow] = useState(true)
  const hosts = jobs.map(({ host }) => host)
  const rows = useRows({ experiment: id, node, source, hosts: hosts.join(',') })
  useSyncExternalStore(rows.subscribe, () => rows.version)
  const since = Date.parse(startedAt ?? createdAt)
  return (
    <div className="stack">
      <LogPanel
        label="Logs of all nodes"
        rows={rows}
        tools={
          <Tools {...{ hosts, node, setNode, source, setSource, times, setTimes, find, setFind, follow, setFollow }} />
        }
        follow={follow}
        onFollow={setFollow}
        times={times}
        since={since}
        find={find}
        nothing="They wrote nothing."
        count={
          <>
            {rows.isCut ? 'the last ' : ''}
            {plural(rows.count, 'line')}
            {rows.isCut && '; the whole log is on the page of each job'}
          </>
        }
        command={`experiment logs ${rows.ended ? '' : '--follow '}${id}`}
      />
    </div>
  )
}

function Tools(props: {
  hosts: readonly string[]
  node: string
  setNode: (node: string) => void
  source: string
  setSource: (source: string) => void
  times: LogTimes
  setTimes: (times: LogTimes) => void
  find: string
  setFind: (find: string) => void
  follow: boolean
  setFollow: (follow: boolean) => void
}): ReactNode {
  const { hosts, node, setNode, source, setSource, times, setTimes, find, setFind, follow, setFollow } = props
  return (
    <div className="log-tools">
      <div className="log-search">
        <TextInput
          type="search"
          aria-label="Mark in the log"
          placeholder="Mark in the log"
          leftSection={<Icon name="search" size={14} />}
          value={find}
          onChange={(event) => setFind(event.currentTarget.value)}
        />
      </div>
      <span className="grow" />
      <Select
        aria-label="Node"
        data={[{ value: '', label: 'All nodes' }, ...hosts.map((host) => ({ value: host, label: host }))]}
        value={node}
        onChange={(value) => setNode(value ?? '')}
        allowDeselect={false}
        className="experiment-log-node"
      />
      <Select
        aria-label="Source"
        data={[
          { value: '', label: 'All sources' },
          { value: 'stdout', label: 'stdout' },
          { value: 'stderr', label: 'stderr' },
          { value: 'system', label: 'system' },
        ]}
        value={source}
        onChange={(value) => setSource(value ?? '')}
        allowDeselect={false}
        className="log-source"
      />
      <SegmentedControl
        aria-label="Times"
        value={times}
        onChange={(value) => setTimes(value)}
        data={[
          { value: 'off', label: 'No times' },
          { value: 'relative', label: '+ s' },
          { value: 'absolute', label: 'Clock' },
        ]}
      />
      <button type="button" className="log-toggle" aria-pressed={follow} onClick={() => setFollow(!follow)}>
        Follow
      </button>
    </div>
  )
}

const isSource = (word: string): word is LogSource => ['stdout', 'stderr', 'system'].includes(word)

type NodeLine = LogLine & { host: string }

function useRows(given: { experiment: string; node: string; source: string; hosts: string }): LogTail<NodeLine> {
  const { experiment, node, source, hosts } = given
  const rows = useMemo(() => {
    const asked = { experiment, ...(node !== '' && { job: node }), ...(isSource(source) && { source }) }
    return tailOf(asked, hosts.split(','))
  }, [experiment, node, source, hosts])
  useEffect(() => {
    void rows.start()
    return () => rows.stop()
  }, [rows])
  return rows
}

/** Lines in the order in which they were written, numbered here; each names its host, in a colour of its own. */
function tailOf(
  given: { experiment: string; job?: string; source?: LogSource },
  hosts: readonly string[],
): LogTail<NodeLine> {
  const colors = new Map(hosts.map((host, place) => [host, place % paletteSize]))
  return new LogTail<NodeLine>({
    async read(tail, options) {
      const { items, next, ended } = await client.experiment.logs({ ...given, tail }, options)
      const follow = (options: CallOptions) => plainClient.experiment.followLogs({ ...given, after: next }, options)
      return { lines: items, ended, follow }
    },
    show: ({ host, ...line }, number) => ({ ...line, seq: number, origin: { host, color: colors.get(host) ?? 0 } }),
  })
}
