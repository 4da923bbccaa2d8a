import { TextInput } from '@mantine/core'
import type { CallOptions } from '@nabla/api/client'
import type { Notebook } from '@nabla/api/notebook'
import { notebookStates } from '@nabla/api/notebook-state'
import { type ReactNode, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { client, plainClient } from '../../api/client.ts'
import { plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { quote } from '../../parts/quote.ts'
import { LogPanel } from '../job/log-panel.tsx'
import { LogTail } from '../job/log-tail.ts'

/** The log of a notebook: what its starts and its Jupyter said, live. */
export function NotebookLog({ notebook }: { notebook: Notebook }): ReactNode {
  return <Log key={notebook.session} notebook={notebook} />
}

function Log({ notebook }: { notebook: Notebook }): ReactNode {
  const { id, name, state, startRequestedAt, createdAt } = notebook
  const [find, setFind] = useState('')
  const [follow, setFollow] = useState(true)
  const rows = useMemo(() => tailOf(id), [id])
  useEffect(() => {
    void rows.start()
    return () => rows.stop()
  }, [rows])
  useSyncExternalStore(rows.subscribe, () => rows.version)
  return (
    <LogPanel
      label="Log of the notebook"
      rows={rows}
      tools={<Tools {...{ find, setFind, follow, setFollow }} active={notebookStates[state].active} />}
      follow={follow}
      onFollow={setFollow}
      times="absolute"
      since={Date.parse(startRequestedAt ?? createdAt)}
      find={find}
      nothing="It wrote nothing."
      count={`${rows.isCut ? 'the last ' : ''}${plural(rows.count, 'line')}`}
      command={`notebook logs${notebookStates[state].active ? ' --follow' : ''} ${quote(name)}`}
    />
  )
}

function tailOf(notebook: string): LogTail {
  return new LogTail({
    async read(tail, options) {
      const { items, last } = await client.notebook.logs({ notebook, tail }, options)
      const follow = (options: CallOptions) => plainClient.notebook.followLogs({ notebook, after: last }, options)
      return { lines: items, ended: false, follow }
    },
  })
}

function Tools(props: {
  find: string
  setFind: (find: string) => void
  follow: boolean
  setFollow: (follow: boolean) => void
  /** Whether more may come. */
  active: boolean
}): ReactNode {
  const { find, setFind, follow, setFollow, active } = props
  return (
    <div className="log-tools">
      <div className="log-search">
        <TextInput
          type="search"
          aria-label="Mark in the log"
          placeholder="Mark in the log"
          leftSection={<Icon name="search" size={14} />}
          value={find}
          onChange={({ currentTarget: { value } }) => setFind(value)}
        />
      </div>
      <span className="grow" />
      {active && (
        <button type="button" className="log-toggle" aria-pressed={follow} onClick={() => setFollow(!follow)}>
          Follow
        </button>
      )}
    </div>
  )
}
