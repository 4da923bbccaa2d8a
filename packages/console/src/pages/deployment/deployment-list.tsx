import { Button } from '@mantine/core'
import type { DeploymentSummary } from '@nabla/api/deployment'
import type { DeploymentState } from '@nabla/api/deployment-state'
import { deploymentStates } from '@nabla/api/deployment-states'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useList } from '../../api/list.ts'
import { now } from '../../clock.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { formatNumber } from '../../parts/chart.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { FilterBar } from '../../parts/filter-bar.tsx'
import { Icon } from '../../parts/icon.tsx'
import { Sparkline } from '../../parts/sparkline.tsx'
import { NothingLikeThat } from '../../parts/nothing-like-that.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { useUrlSearch } from '../../parts/url-state.ts'
import { type AskedOfDeployment, deploymentActions } from './deployment-actions.ts'
import { DeploymentDialog, useDeploymentRun } from './deployment-dialogs.tsx'
import { DeploymentStateBadge } from './deployment-state.tsx'
import './deployment.css'

const columns: readonly Column<DeploymentSummary>[] = [
  { id: 'name', title: 'Name', width: 'minmax(130px, 1.4fr)', cell: ({ name }) => name },
  {
    id: 'state',
    title: 'State',
    width: '116px',
    card: 'fact',
    cell: (deployment) => <DeploymentStateBadge deployment={deployment} />,
  },
  {
    id: 'instances',
    title: 'Ready',
    width: '64px',
    align: 'right',
    card: 'fact',
    cell: ({ instances: { ready, wanted } }) => (
      <span title={`${ready} of ${wanted} instances are ready`}>
        {ready} / {wanted}
      </span>
    ),
  },
  {
    id: 'revision',
    title: 'Revision',
    width: '92px',
    align: 'right',
    cell: ({ revision, serving, rollout }) =>
      rollout === null || serving === null ? (
        revision
      ) : (
        <span title={`Revision ${serving} answers; ${rollout.state}: ${revision}`}>
          {serving} → {revision}
        </span>
      ),
  },
  {
    id: 'serves',
    title: 'Serves',
    width: 'minmax(110px, 1.6fr)',
    cell: ({ serves }) => (
      <span className="mono" title={serves}>
        {serves}
      </span>
    ),
  },
  {
    id: 'rate',
    title: 'Requests',
    width: 'minmax(130px, 1fr)',
    cell: ({ id }) => <RateCell id={id} />,
  },
  {
    id: 'address',
    title: 'Address',
    width: 'minmax(120px, 1.2fr)',
    cell: ({ path }) => (
      <span className="deployment-path">
        <CopyId value={`${location.origin}${path}`} label={path} />
      </span>
    ),
  },
  {
    id: 'project',
    title: 'Project',
    width: 'minmax(80px, 0.8fr)',
    cell: ({ project }) => (
      <span dir="auto" title={project.name}>
        {project.name}
      </span>
    ),
  },
  {
    id: 'updated',
    title: 'Changed',
    width: '84px',
    card: 'fact',
    cell: ({ updatedAt }) => <RelativeTime time={updatedAt} />,
  },
  { id: 'machine', title: 'Machine', width: '96px', hidden: true, cell: ({ machineType }) => machineType },
  { id: 'id', title: 'Id', width: '190px', hidden: true, cell: ({ id }) => <CopyId value={id} /> },
]

const hourMs = 3_600_000
const ratePoints = 60
/** What it is now is the mean of so long, and read again as often. */
const nowMs = 10_000

/** Requests per second: how it went over the last hour, and what it is now. Only rows in sight ask. */
function RateCell({ id }: { id: string }): ReactNode {
  const { data } = useQuery({
    queryKey: ['deployment', 'rate', id],
    async queryFn({ signal }) {
      const to = now()
      const from = to - hourMs
      const read = (since: number, points: number) => {
        const given = { deployment: id, series: 'requestRate', from: new Date(since).toISOString(), points }
        return client.deployment.metrics(given, { signal })
      }
      const [range, last] = await Promise.all([read(from, ratePoints), read(to - nowMs, 2)])
      return { from, to, range, lately: last.series.reduce((sum, { avg }) => sum + avg, 0) }
    },
    refetchInterval: nowMs,
  })
  const lines = data?.range.series ?? []
  if (!data || lines.length === 0) return <span className="faint none">–</span>
  const byTime = new Map<number, number>()
  for (const { points } of lines) for (const [at, , mean] of points) byTime.set(at, (byTime.get(at) ?? 0) + (mean ?? 0))
  const points = [...byTime].sort(([one], [other]) => one - other)
  // What was not measured was nothing: no instance was up.
  const mean = (points.reduce((sum, [, value]) => sum + value, 0) * data.range.intervalMs) / hourMs
  const most = points.reduce((top, [, value]) => Math.max(top, value), 0)
  return (
    <span
      className="deployment-rate"
      title={`${formatNumber(mean)} per second on average, ${formatNumber(most)} at most`}
    >
      <Sparkline points={points} from={data.from} to={data.to} top={most} />
      <span className="number">{formatNumber(data.lately)} /s</span>
    </span>
  )
}

/** The deployments of the team, newest first; or those of one project. */
export function DeploymentList({ project: fixed }: { project?: string }): ReactNode {
  const search = useUrlSearch()
  const word = (key: string) => [search[key]].flat()[0]
  const [project, tag, name, state] = [fixed ?? word('project'), word('tag'), word('name'), word('state')]
  const filter = {
    ...(project !== undefined && { project }),
    ...(tag !== undefined && { tag }),
    ...(name !== undefined && { name }),
    ...(state !== undefined && Object.hasOwn(deploymentStates, state) && { state: state as DeploymentState }),
  }
  const isFiltered = Object.keys(filter).length > (fixed === undefined ? 0 : 1)
  const navigate = useNavigate()
  const [asked, ask] = useState<AskedOfDeployment>()
  const go = (to: string) => void navigate({ to: to as never })
  const run = useDeploymentRun()
  const list = useList<DeploymentSummary>({
    noun: 'deployment',
    input: filter,
    fetch: (page, options) => client.deployment.list({ ...page, ...filter }, options),
  })
  return (
    <>
      <DataTable
        id="deployment"
        label="Deployments"
        list={list}
        columns={fixed === undefined ? columns : columns.filter(({ id }) => id !== 'project')}
        rowKey={({ id }) => id}
        rowLabel={({ name: own }) => own}
        href={({ id }) => `/deployments/${id}`}
        actions={(deployment) => deploymentActions(deployment, { go, ask, run })}
        toolbar={(chooser) => (
          <FilterBar
            searchKey="name"
            placeholder="Name begins with, tag:, state:"
            filters={[
              ...(fixed === undefined ? [{ key: 'project', label: 'Project' }] : []),
              { key: 'tag', label: 'Tag' },
              {
                key: 'state',
                label: 'State',
                options: Object.entries(deploymentStates).map(([value, { label }]) => ({ value, label })),
              },
            ]}
          >
            {chooser}
          </FilterBar>
        )}
        empty={
          isFiltered ? (
            <NothingLikeThat noun="deployment" command="deployment list" keys={['name', 'tag', 'project', 'state']} />
          ) : (
            <NoDeployments project={fixed} />
          )
        }
      />
      <DeploymentDialog asked={asked} onClose={() => ask(undefined)} />
    </>
  )
}

/** What a deployment is, and the two ways to the first one. */
function NoDeployments({ project }: { project: string | undefined }): ReactNode {
  return (
    <EmptyState
      title="No deployments yet. One answers requests at an address that stays the same."
      command="deploy MODEL"
      action={<NewDeploymentButton project={project} />}
    >
      <p>
        Serve a model of the repository by its name, or any program that listens on <code>$PORT</code>. Nabla keeps as
        many instances as you want, sends requests only to those that are ready, and changes them without losing one.
      </p>
    </EmptyState>
  )
}

/** Leads to the form. */
export function NewDeploymentButton({ project }: { project?: string | undefined }): ReactNode {
  const navigate = useNavigate()
  const to = project === undefined ? '/deployments/new' : `/deployments/new?project=${encodeURIComponent(project)}`
  return (
    <Button
      variant="filled"
      leftSection={<Icon name="plus" size={14} />}
      onClick={() => void navigate({ to: to as never })}
    >
      New deployment
    </Button>
  )
}
