import { Select } from '@mantine/core'
import type { Dataset, DatasetVersion } from '@nabla/api/dataset'
import { datasetVersionStates } from '@nabla/api/dataset-states'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useMemo, useState } from 'react'
import { client } from '../../api/client.ts'
import { useList } from '../../api/list.ts'
import type { LiveList } from '../../api/list.ts'
import { useLiveEvents } from '../../api/live.ts'
import { queries, useApi } from '../../api/query.ts'
import { ActionButton } from '../../parts/action-button.tsx'
import { ActionsMenu } from '../../parts/actions-menu.tsx'
import { Bytes, RelativeTime } from '../../parts/amount.tsx'
import { CommandLine, CopyId, CopyText } from '../../parts/copy.tsx'
import { FileBrowser, type FileSource } from '../../parts/file-browser.tsx'
import { plural } from '../../parts/format.ts'
import { Facts, Panel } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { TagLinks } from '../../parts/tags.tsx'
import { useSetUrlSearch, useUrlState } from '../../parts/url-state.ts'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { DataHeader } from '../storage/data-header.tsx'
import { CompareVersions } from './compare-versions.tsx'
import { DatasetForm, DeleteDataset } from './dataset-dialogs.tsx'
import { datasetActions } from './dataset-actions.ts'
import { NewVersion } from './new-version.tsx'
import { VersionTable } from './version-table.tsx'
import './dataset.css'

const route = getRouteApi('/shell/data/datasets/$dataset')
const above = [{ label: 'Datasets', to: '/data/datasets' }]

/** One dataset: its versions, their files, what differs between two, and how jobs read it. */
export function DatasetPage(): ReactNode {
  const { dataset: name } = route.useParams()
  const query = useApi('dataset', 'show', { dataset: name })
  const [open, setOpen] = useState<'change' | 'delete' | 'new'>()
  const navigate = useNavigate()
  const close = () => setOpen(undefined)
  const actions = query.data ? datasetActions(query.data, setOpen) : []
  const add = { label: 'New version', command: `dataset push ${name} FOLDER`, run: () => setOpen('new') }
  usePaletteActions(name, [add, ...actions])
  return (
    <>
      <DataHeader
        place="datasets"
        title={query.data?.name ?? name}
        above={above}
        actions={
          query.data && (
            <>
              <ActionButton action={add} />
              <ActionsMenu actions={actions} label={`Actions for ${name}`} />
            </>
          )
        }
      >
        {query.data && <HeadFacts dataset={query.data} />}
      </DataHeader>
      <Loaded query={query}>
        {(dataset) => (
          <>
            <Content dataset={dataset} />
            {open === 'new' && <NewVersion dataset={dataset} onClose={close} />}
            {open === 'change' && (
              <DatasetForm
                dataset={dataset}
                onClose={close}
                onSaved={(saved) => void navigate({ to: `/data/datasets/${saved.name}` as never })}
              />
            )}
            {open === 'delete' && (
              <DeleteDataset
                dataset={dataset}
                onClose={close}
                onDeleted={() => void navigate({ to: '/data/datasets' })}
              />
            )}
          </>
        )}
      </Loaded>
    </>
  )
}

function HeadFacts({ dataset: { latest, versions, tags } }: { dataset: Dataset }): ReactNode {
  return (
    <>
      <span className="number">{plural(versions, 'version')}</span>
      {latest && (
        <span className="number">
          latest is v{latest.version}: {plural(latest.files, 'file')}, <Bytes bytes={latest.sizeBytes} />,{' '}
          <RelativeTime time={latest.createdAt} />
        </span>
      )}
      <TagLinks tags={tags} to="/data/datasets" />
    </>
  )
}

function Content({ dataset }: { dataset: Dataset }): ReactNode {
  const versions = useVersions(dataset.id)
  return (
    <Tabs
      label="Dataset"
      tabs={[
        {
          id: 'versions',
          label: 'Versions',
          count: dataset.versions,
          content: () => <VersionTable dataset={dataset} list={versions} />,
        },
        { id: 'files', label: 'Files', content: () => <VersionFiles dataset={dataset} versions={versions.rows} /> },
        {
          id: 'compare',
          label: 'Compare',
          content: () => (
            <CompareVersions dataset={dataset} versions={versions.rows.filter(({ state }) => state === 'ready')} />
          ),
        },
        { id: 'use', label: 'Use', content: () => <HowToUse dataset={dataset} /> },
      ]}
    />
  )
}

/** Events name the dataset and not the version, so one that was deleted is noticed by reading the list again. */
function useVersions(dataset: string): LiveList<DatasetVersion> {
  useLiveEvents(({ type, subject }) => {
    if (type === 'dataset.version_deleted' && subject === dataset) {
      void queries.invalidateQueries({ queryKey: ['dataset', 'pages'] })
    }
  })
  return useList<DatasetVersion>({
    noun: 'dataset',
    input: { versionsOf: dataset },
    fetch: (page, options) => client.dataset.versions({ dataset, ...page }, options),
  })
}

function VersionFiles({ dataset, versions }: { dataset: Dataset; versions: readonly DatasetVersion[] }): ReactNode {
  const [chosen] = useUrlState('version', `${dataset.latest?.version ?? ''}`)
  const change = useSetUrlSearch()
  const ready = versions.filter(({ state }) => state === 'ready')
  const source = useMemo(() => sourceOf(dataset.name, chosen), [dataset.name, chosen])
  if (chosen === '') {
    return <EmptyState title="No version is ready yet." command={`dataset push ${dataset.name} FOLDER`} />
  }
  const shown = versions.find(({ version }) => `${version}` === chosen)
  return (
    <div className="stack">
      <div className="row">
        <Select
          aria-label="Version"
          value={chosen}
          onChange={(version) => change({ version: version ?? undefined, path: undefined, file: undefined })}
          data={ready.map(({ version, tags }) => ({
            value: `${version}`,
            label: [`v${version}`, ...tags].join(' · '),
          }))}
          allowDeselect={false}
        />
        {shown && shown.state !== 'ready' && <span className="muted">{datasetVersionStates[shown.state].about}</span>}
      </div>
      <FileBrowser key={chosen} source={source} empty={<EmptyState title="There are no files in it." />} />
    </div>
  )
}

function sourceOf(dataset: string, version: string): FileSource {
  const address = (place: string, query: Record<string, string>) =>
    `/api/v1/datasets/${dataset}/versions/${version}/${place}?${new URLSearchParams(query).toString()}`
  return {
    noun: 'dataset',
    key: ['dataset', dataset, version],
    list: (page, options) => client.dataset.files({ dataset, version, ...page }, options),
    read: (path, bytes, signal) =>
      client.dataset.get({ dataset, version, path }, { signal, headers: { range: `bytes=0-${bytes - 1}` } }),
    fileUrl: (path) => address('file', { path }),
    archiveUrl: (path) => address('archive', { format: 'zip', ...(path !== '' && { path }) }),
    view: (path) => client.dataset.open({ dataset, version, body: { path } }),
    command: (path) => `dataset get ${dataset}:${version}${path === '' ? '' : ` ${quote(path)}`}`,
  }
}

function HowToUse({ dataset }: { dataset: Dataset }): ReactNode {
  const { id, name, latest, description, createdAt } = dataset
  const version = latest?.version ?? 1
  return (
    <div className="dataset-use">
      <Panel title="In a job">
        <div className="stack">
          <p>A job reads one version, which never changes. It finds the files, read-only, at:</p>
          <CopyText value={`/data/${name}`} label="Folder in the job" />
          <p>The version that is the latest when the job is submitted, a certain one, or the one with a tag:</p>
          <CommandLine line={`run --dataset ${name} -- python train.py`} label="Latest version" />
          <CommandLine line={`run --dataset ${name}:${version} -- python train.py`} label="A certain version" />
          <CommandLine line={`run --dataset ${name}:prod -- python train.py`} label="The version with a tag" />
        </div>
      </Panel>
      <Panel title="About">
        <Facts
          facts={[
            ['Description', description || <span className="faint none">–</span>],
            ['Id', <CopyId key="id" value={id} />],
            ['Created', <RelativeTime key="created" time={createdAt} />],
            ['Digest', latest?.digest ? <CopyId key="digest" value={latest.digest} /> : '–'],
          ]}
        />
      </Panel>
    </div>
  )
}
