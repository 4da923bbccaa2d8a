import { Button, Select } from '@mantine/core'
import type { Model, ModelVersion } from '@nabla/api/model'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useMemo, useState } from 'react'
import { client } from '../../api/client.ts'
import { type LiveList, useList } from '../../api/list.ts'
import { useLiveEvents } from '../../api/live.ts'
import { queries, useApi } from '../../api/query.ts'
import { ActionButton } from '../../parts/action-button.tsx'
import type { Action } from '../../parts/action.ts'
import { ActionsMenu } from '../../parts/actions-menu.tsx'
import { RelativeTime } from '../../parts/amount.tsx'
import { FileBrowser, type FileSource } from '../../parts/file-browser.tsx'
import { plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { PageHeader } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { TagLinks } from '../../parts/tags.tsx'
import { useSetUrlSearch, useUrlState } from '../../parts/url-state.ts'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { CompareVersions } from './compare-versions.tsx'
import { GraphView } from './graph-view.tsx'
import { modelActions } from './model-actions.ts'
import { AliasVersion, DeleteModel, DeleteVersion, ModelForm, NoteVersion } from './model-dialogs.tsx'
import { Aliases } from './model-words.tsx'
import { Overview } from './overview.tsx'
import { SignatureView } from './signature-view.tsx'
import { UploadModel } from './upload-model.tsx'
import { versionActions, VersionTable } from './version-table.tsx'
import './model.css'

const route = getRouteApi('/shell/models/$model')

type Form = 'change' | 'delete' | 'new'

/** One model: a version of it, what it is and what made it, and its other versions. */
export function ModelPage(): ReactNode {
  const { model: name } = route.useParams()
  const query = useApi('model', 'show', { model: name })
  const [open, setOpen] = useState<Form>()
  const navigate = useNavigate()
  const close = () => setOpen(undefined)
  const actions = query.data ? modelActions(query.data, setOpen) : []
  const add: Action = {
    label: 'New version',
    icon: 'upload',
    command: `model upload ${name} PATH`,
    run: () => setOpen('new'),
  }
  usePaletteActions(name, [add, ...actions])
  return (
    <>
      <PageHeader
        title={query.data?.name ?? name}
        crumbs={[{ label: 'Models', to: '/models' }]}
        actions={
          query.data && (
            <>
              <Button
                component={Link}
                to={`/deployments/new?model=${encodeURIComponent(name)}` as never}
                leftSection={<Icon name="deploy" size={14} />}
                title={`nabla deploy ${name}`}
              >
                Deploy
              </Button>
              <ActionButton action={add} />
              <ActionsMenu actions={actions} label={`Actions for ${name}`} />
            </>
          )
        }
      >
        {query.data && <HeadFacts model={query.data} />}
      </PageHeader>
      <Loaded query={query}>
        {(model) => (
          <>
            <Content model={model} />
            {open === 'new' && <UploadModel model={model} onClose={close} />}
            {open === 'change' && (
              <ModelForm
                model={model}
                onClose={close}
                onSaved={(saved) => void navigate({ to: `/models/${saved.name}` as never })}
              />
            )}
            {open === 'delete' && (
              <DeleteModel model={model} onClose={close} onDeleted={() => void navigate({ to: '/models' })} />
            )}
          </>
        )}
      </Loaded>
    </>
  )
}

function HeadFacts({ model: { latest, versions, aliases, tags } }: { model: Model }): ReactNode {
  return (
    <>
      <span className="number">{plural(versions, 'version')}</span>
      {latest && (
        <span className="number">
          latest is v{latest.version}, <RelativeTime time={latest.createdAt} />
        </span>
      )}
      <Aliases aliases={Object.entries(aliases).map(([alias, at]) => `${alias} v${at}`)} />
      <TagLinks tags={tags} to="/models" />
    </>
  )
}

function Content({ model }: { model: Model }): ReactNode {
  const versions = useVersions(model.id)
  const [chosen] = useUrlState('version', `${model.latest?.version ?? versions.rows[0]?.version ?? ''}`)
  const version = versions.rows.find((row) => `${row.version}` === chosen)
  const hasReady = version?.state === 'ready'
  const nothing = (
    <EmptyState
      title={version ? (version.reason ?? 'The server reads its files.') : 'No version is ready yet.'}
      command={`model upload ${model.name} PATH`}
    />
  )
  return (
    <div className="stack">
      {versions.isLoading && model.versions > 0 && <div className="model-choice-room" />}
      {versions.rows.length > 0 && <VersionBar rows={versions.rows} chosen={chosen} version={version} />}
      <Tabs
        label="Model"
        tabs={[
          {
            id: 'overview',
            label: 'Overview',
            content: () => (hasReady ? <Overview model={model} version={version} /> : nothing),
          },
          {
            id: 'versions',
            label: 'Versions',
            count: model.versions,
            content: () => <VersionTable model={model} list={versions} />,
          },
          {
            id: 'signature',
            label: 'Signature & layers',
            content: () => (hasReady ? <SignatureView version={version} /> : nothing),
          },
          { id: 'graph', label: 'Graph', content: () => (hasReady ? <GraphView version={version} /> : nothing) },
          { id: 'files', label: 'Files', content: () => (hasReady ? <VersionFiles version={version} /> : nothing) },
          {
            id: 'compare',
            label: 'Compare',
            content: () => (
              <CompareVersions model={model} versions={versions.rows.filter((row) => row.state === 'ready')} />
            ),
          },
        ]}
      />
    </div>
  )
}

/** Which version the tabs are about, and what can be done with it. */
function VersionBar(props: {
  rows: readonly ModelVersion[]
  chosen: string
  version: ModelVersion | undefined
}): ReactNode {
  const { rows, chosen, version } = props
  const change = useSetUrlSearch()
  const [form, setForm] = useState<'alias' | 'note' | 'delete'>()
  const close = () => setForm(undefined)
  return (
    <div className="row">
      <Select
        aria-label="Version"
        className="model-choice"
        value={chosen}
        onChange={(next) => change({ version: next ?? undefined, path: undefined, file: undefined })}
        data={rows.map((row) => ({
          value: `${row.version}`,
          label: [`v${row.version}`, ...row.aliases, ...(row.state === 'ready' ? [] : [row.state])].join(' · '),
        }))}
        allowDeselect={false}
      />
      {version && <ActionsMenu actions={versionActions(version, setForm)} label={`Actions for ${version.reference}`} />}
      {version && form === 'alias' && <AliasVersion version={version} onClose={close} />}
      {version && form === 'note' && <NoteVersion version={version} onClose={close} />}
      {version && form === 'delete' && <DeleteVersion version={version} onClose={close} />}
    </div>
  )
}

/** Events name the model and not the version, so one that was deleted is noticed by reading the list again. */
function useVersions(model: string): LiveList<ModelVersion> {
  useLiveEvents(({ type, subject }) => {
    if (type === 'model.version_deleted' && subject === model) {
      void queries.invalidateQueries({ queryKey: ['model', 'pages'] })
    }
  })
  return useList<ModelVersion>({
    noun: 'model',
    input: { versionsOf: model },
    fetch: (page, options) => client.model.versions({ model, ...page }, options),
  })
}

function VersionFiles({ version }: { version: ModelVersion }): ReactNode {
  const source = useMemo(
    () => sourceOf(version.model.name, `${version.version}`),
    [version.model.name, version.version],
  )
  return <FileBrowser key={version.id} source={source} empty={<EmptyState title="There are no files in it." />} />
}

function sourceOf(model: string, version: string): FileSource {
  const address = (place: string, query: Record<string, string>) =>
    `/api/v1/models/${model}/versions/${version}/${place}?${new URLSearchParams(query).toString()}`
  return {
    noun: 'model',
    key: ['model', model, version],
    list: (page, options) => client.model.files({ model, version, ...page }, options),
    read: (path, bytes, signal) =>
      client.model.get({ model, version, path }, { signal, headers: { range: `bytes=0-${bytes - 1}` } }),
    fileUrl: (path) => address('file', { path }),
    archiveUrl: (path) => address('archive', { format: 'zip', ...(path !== '' && { path }) }),
    view: (path) => client.model.open({ model, version, body: { path } }),
    command: (path) => `model get ${model}:${version}${path === '' ? '' : ` ${quote(path)}`}`,
  }
}
