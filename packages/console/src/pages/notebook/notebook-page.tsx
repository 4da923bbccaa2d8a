import { Button } from '@mantine/core'
import type { Notebook } from '@nabla/api/notebook'
import { notebookStates } from '@nabla/api/notebook-state'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { client } from '../../api/client.ts'
import { useLiveEvents } from '../../api/live.ts'
import { useApi } from '../../api/query.ts'
import { type Action, useAction } from '../../parts/action.ts'
import { ActionsMenu } from '../../parts/actions-menu.tsx'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { Icon } from '../../parts/icon.tsx'
import { PageHeader } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState, Lines, Loaded } from '../../parts/states.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { TagLinks } from '../../parts/tags.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { type Asked, notebookActions, openNotebook, whyNot } from './notebook-actions.ts'
import { NotebookDialog } from './notebook-dialogs.tsx'
import { NotebookFiles } from './notebook-files.tsx'
import { NotebookLog } from './notebook-log.tsx'
import { NotebookPhases } from './notebook-phases.tsx'
import { NotebookSettings } from './notebook-settings.tsx'
import { NotebookVersions } from './notebook-versions.tsx'
import { activityWords, NotebookState, TimeLeft } from './notebook-words.tsx'
import '../job/job-page.css'
import './notebook.css'

const NotebookMetrics = lazy(() =>
  import('./notebook-metrics.tsx').then(({ NotebookMetrics }) => ({ default: NotebookMetrics })),
)

const route = getRouteApi('/shell/notebooks/$notebook')
const crumbs = [{ label: 'Notebooks', to: '/notebooks' }]

/** One notebook: is it up, how long yet, open it; its log, measurements, files and versions. */
export function NotebookPage(): ReactNode {
  const { notebook: reference } = route.useParams()
  const query = useApi('notebook', 'show', { notebook: reference })
  const notebook = query.data
  const [asked, setAsked] = useState<{ what: Asked; version?: number }>()
  const [isGone, setGone] = useState(false)
  useLiveEvents(({ type, subject }) => {
    if (type === 'notebook.deleted' && subject === notebook?.id) setGone(true)
  })
  const navigate = useNavigate()
  const open = useAction({ run: (path: string) => openNotebook(notebook!, path) })
  const actions =
    notebook && !isGone
      ? notebookActions(notebook, { ask: (what) => setAsked({ what }), open: (path) => void open.run(path) })
      : []
  usePaletteActions(notebook?.name ?? reference, actions)
  return (
    <>
      <PageHeader
        title={notebook?.name ?? reference}
        crumbs={crumbs}
        badge={
          notebook && (
            <span role="status">
              <NotebookState notebook={notebook} />
            </span>
          )
        }
        actions={notebook && !isGone && <MainActions actions={actions} pending={open.pending} />}
      >
        {notebook && <NotebookFacts notebook={notebook} />}
      </PageHeader>
      {isGone ? (
        <EmptyState title="This notebook was deleted, with its files and versions." command="notebook list" />
      ) : (
        <Loaded query={query}>
          {(found) => (
            <NotebookBody
              key={found.id}
              notebook={found}
              onRestore={(version) => setAsked({ what: 'fork', version })}
            />
          )}
        </Loaded>
      )}
      {asked && notebook && (
        <NotebookDialog
          asked={asked.what}
          version={asked.version}
          notebook={notebook}
          onClose={() => setAsked(undefined)}
          onGo={(to) => void navigate({ to: to as never })}
        />
      )}
    </>
  )
}

/** What one most likely wants stands as buttons, all else in the menu. */
function MainActions({ actions, pending }: { actions: readonly Action[]; pending: boolean }): ReactNode {
  const shown = ['Stop', 'Start', 'Open'].flatMap((label) => {
    const action = actions.find((one) => one.label === label)
    return action && action.unavailable === undefined ? [action] : []
  })
  return (
    <>
      {shown.map((action, place) => (
        <Button
          key={action.label}
          variant={place === shown.length - 1 ? 'filled' : 'default'}
          leftSection={action.icon && <Icon name={action.icon} size={14} />}
          loading={action.label === 'Open' && pending}
          onClick={() => action.run()}
          title={action.command && `nabla ${action.command}`}
        >
          {action.label}
        </Button>
      ))}
      <ActionsMenu actions={[...actions]} label="More actions" />
    </>
  )
}

function NotebookFacts({ notebook }: { notebook: Notebook }): ReactNode {
  const { state, readyAt, startRequestedAt, endedAt, machineType, spec, project, createdBy, tags } = notebook
  return (
    <>
      <span>
        {state === 'running' && readyAt !== null ? (
          <>
            up for <Duration from={readyAt} to={null} />
          </>
        ) : notebookStates[state].active ? (
          <>
            started <RelativeTime time={startRequestedAt} />
          </>
        ) : (
          <>
            ended <RelativeTime time={endedAt ?? notebook.createdAt} />
          </>
        )}
      </span>
      <span className="job-machine">
        {machineType} · {spec.image}
      </span>
      <span>
        in{' '}
        <Link to={`/projects/${encodeURIComponent(project.name)}` as never} dir="auto">
          {project.name}
        </Link>
      </span>
      <span>
        by <span dir="auto">{createdBy.name}</span>
      </span>
      <TagLinks tags={tags} to="/notebooks" />
      <CopyId value={notebook.id} />
    </>
  )
}

/** When it stops by itself, what keeps it from that, and how to put it off. */
function StopsIn({ notebook }: { notebook: Notebook }): ReactNode {
  const { id, name, state, stopsAt, warnedAt, activity, extendedUntil } = notebook
  const extend = useAction({
    run: () => client.notebook.extend({ notebook: id, body: { seconds: 3600 } }),
    done: () => `${name} runs on for an hour at least`,
    changes: ['notebook'],
  })
  if (state !== 'running') return null
  return (
    <div className={warnedAt === null ? 'notebook-left' : 'notebook-left notebook-left-warned'} role="status">
      {warnedAt !== null && <Icon name="warning" />}
      <span className="grow">
        {stopsAt === null ? (
          'It does not stop by itself.'
        ) : (
          <>
            {warnedAt === null ? 'Stops in ' : 'Nobody seems to use it: it stops in '}
            <strong>
              <TimeLeft notebook={notebook} />
            </strong>
            {warnedAt === null ? ' unless it is used. ' : '. '}
          </>
        )}
        <span className="muted">Now: {activityWords(activity)}.</span>
        {extendedUntil !== null && Date.parse(extendedUntil) > Date.parse(stopsAt ?? '') - 1000 && (
          <span className="muted"> Extended.</span>
        )}
      </span>
      {stopsAt !== null && (
        <Button
          variant={warnedAt === null ? 'default' : 'filled'}
          loading={extend.pending}
          disabled={whyNot('extend', notebook) !== undefined}
          title={`nabla notebook extend ${quote(name)} --for 1h`}
          onClick={() => void extend.run(undefined)}
        >
          One hour more
        </Button>
      )}
    </div>
  )
}

const waiting = (
  <div className="panel panel-body">
    <Lines count={8} />
  </div>
)

function NotebookBody(props: { notebook: Notebook; onRestore: (version: number) => void }): ReactNode {
  const { notebook, onRestore } = props
  return (
    <>
      <NotebookPhases notebook={notebook} />
      <StopsIn notebook={notebook} />
      <Tabs
        label="Notebook"
        tabs={[
          { id: 'files', label: 'Files', content: () => <NotebookFiles notebook={notebook} /> },
          {
            id: 'versions',
            label: 'Versions',
            content: () => <NotebookVersions notebook={notebook} onRestore={onRestore} />,
          },
          { id: 'logs', label: 'Logs', content: () => <NotebookLog notebook={notebook} /> },
          {
            id: 'metrics',
            label: 'Metrics',
            content: () => (
              <Suspense fallback={waiting}>
                <NotebookMetrics notebook={notebook} />
              </Suspense>
            ),
          },
          { id: 'settings', label: 'Settings', content: () => <NotebookSettings notebook={notebook} /> },
        ]}
      />
    </>
  )
}
