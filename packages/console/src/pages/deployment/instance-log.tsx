import { Select, TextInput } from '@mantine/core'
import type { CallOptions } from '@nabla/api/client'
import type { Deployment, DeploymentInstance } from '@nabla/api/deployment'
import { instanceStates } from '@nabla/api/deployment-states'
import { type ReactNode, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { client, plainClient } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { LogPanel } from '../job/log-panel.tsx'
import { LogTail } from '../job/log-tail.ts'

/** The log of one instance, live; the newest that has not ended unless one chooses another. */
export function InstanceLog({ deployment }: { deployment: Deployment }): ReactNode {
  const query = useApi('deployment', 'instances', { deployment: deployment.id })
  const [chosen, choose] = useUrlState('instance')
  return (
    <Loaded query={query}>
      {({ items }) => {
        const usual = items.find(({ state }) => !instanceStates[state].ended) ?? items[0]
        const one = items.find(({ name }) => name === chosen) ?? usual
        return one ? (
          <Log key={one.id} deployment={deployment} instance={one} all={items} onChoose={choose} />
        ) : (
          <EmptyState title="No instance has begun yet." />
        )
      }}
    </Loaded>
  )
}

function Log(props: {
  deployment: Deployment
  instance: DeploymentInstance
  all: readonly DeploymentInstance[]
  onChoose: (name: string) => void
}): ReactNode {
  const { deployment, instance, all, onChoose } = props
  const [find, setFind] = useState('')
  const [follow, setFollow] = useState(true)
  const rows = useMemo(() => tailOf(deployment.id, instance.id), [deployment.id, instance.id])
  useEffect(() => {
    void rows.start()
    return () => rows.stop()
  }, [rows])
  useSyncExternalStore(rows.subscribe, () => rows.version)
  const flags = `--instance ${quote(instance.name)}${rows.ended ? '' : ' --follow'}`
  return (
    <LogPanel
      label={`Log of ${instance.name}`}
      rows={rows}
      tools={<Tools {...{ instance, all, onChoose, find, setFind, follow, setFollow }} />}
      follow={follow}
      onFollow={setFollow}
      times="absolute"
      since={Date.parse(instance.startedAt ?? instance.createdAt)}
      find={find}
      nothing="It wrote nothing."
      count={`${rows.isCut ? 'the last ' : ''}${plural(rows.count, 'line')}`}
      command={`deployment logs ${quote(deployment.name)} ${flags}`}
    />
  )
}

function tailOf(deployment: string, instance: string): LogTail {
  return new LogTail({
    async read(tail, options) {
      const { items, next, ended } = await client.deployment.logs({ deployment, instance, tail }, options)
      const follow = (options: CallOptions) =>
        plainClient.deployment.followLogs({ deployment, instance, after: next }, options)
      return { lines: items, ended, follow }
    },
  })
}

function Tools(props: {
  instance: DeploymentInstance
  all: readonly DeploymentInstance[]
  onChoose: (name: string) => void
  find: string
  setFind: (find: string) => void
  follow: boolean
  setFollow: (follow: boolean) => void
}): ReactNode {
  const { instance, all, onChoose, find, setFind, follow, setFollow } = props
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
      <Select
        aria-label="Instance"
        data={all.map(({ name, state, revision }) => ({
          value: name,
          label: `${name}, revision ${revision}, ${instanceStates[state].label.toLowerCase()}`,
        }))}
        value={instance.name}
        onChange={(name) => name !== null && onChoose(name)}
        allowDeselect={false}
        className="deployment-instance"
      />
      <button type="button" className="log-toggle" aria-pressed={follow} onClick={() => setFollow(!follow)}>
        Follow
      </button>
    </div>
  )
}
