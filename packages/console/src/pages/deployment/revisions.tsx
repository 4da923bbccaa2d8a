import { Button } from '@mantine/core'
import type { Deployment, DeploymentRevision } from '@nabla/api/deployment'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useList } from '../../api/list.ts'
import { useLiveEvents } from '../../api/live.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { CommandLine, CopyText } from '../../parts/copy.tsx'
import { quote } from '../../parts/quote.ts'
import { ErrorState, Lines } from '../../parts/states.tsx'
import { toYaml } from '../../parts/yaml.ts'
import { useRollback } from './deployment-dialogs.tsx'
import { RevisionStateBadge } from './deployment-state.tsx'

/** Every revision, newest first: who made it, what it changed, and a way back to it. */
export function Revisions({ deployment }: { deployment: Deployment }): ReactNode {
  const { id, name, revision: newest, serving } = deployment
  const list = useList<DeploymentRevision>({
    noun: 'deployment',
    input: { revisions: id },
    fetch: (page, options) => client.deployment.revisions({ ...page, deployment: id }, options),
    rowKey: ({ number }) => String(number),
    isUntold: true,
  })
  useLiveEvents(({ type, subject }) => {
    if (type.startsWith('deployment.') && subject === id) list.showNew()
  })
  const rollback = useRollback(id, name)
  if (list.error && list.rows.length === 0) return <ErrorState error={list.error} onRetry={list.retry} />
  if (list.isLoading) return <Lines count={6} />
  return (
    <div className="stack">
      <ol className="panel deployment-revisions" aria-label="Revisions">
        {list.rows.map((one) => (
          <li key={one.number}>
            <Revision revision={one} />
            {one.number !== newest && one.state !== 'failed' && (
              <Button
                size="compact-sm"
                disabled={rollback.pending}
                title={`nabla deployment rollback ${quote(name)} --revision ${one.number}`}
                aria-label={`Roll back to revision ${one.number}`}
                onClick={() => void rollback.run(one.number)}
              >
                Roll back
              </Button>
            )}
          </li>
        ))}
      </ol>
      {list.hasMore && (
        <div>
          <Button onClick={list.loadMore} loading={list.isLoadingMore}>
            Show earlier ones
          </Button>
        </div>
      )}
      {serving !== null && serving !== newest && (
        <p className="muted">
          Revision {serving} answers; revision {newest} is the newest.
        </p>
      )}
      <CommandLine line={`deployment history ${quote(name)}`} />
    </div>
  )
}

function Revision({ revision }: { revision: DeploymentRevision }): ReactNode {
  const { number, state, reason, lastLines, changes, restoredFrom, cliCommand, createdBy, createdAt, models } = revision
  return (
    <div className="deployment-revision">
      <div className="deployment-revision-head">
        <strong className="number">Revision {number}</strong>
        <RevisionStateBadge state={state} />
        <span className="muted">
          by <span dir="auto">{createdBy.name}</span> <RelativeTime time={createdAt} />
          {restoredFrom !== null && `, brought back from revision ${restoredFrom}`}
          {models.map(({ name, version }) => `, ${name}:${version}`).join('')}
        </span>
      </div>
      {reason !== null && <p className="deployment-bad">{reason}</p>}
      {lastLines.length > 0 && (
        <pre className="deployment-lines" tabIndex={0} aria-label="The last lines of its log">
          {lastLines.join('\n')}
        </pre>
      )}
      {changes.length > 0 && (
        <dl className="deployment-diff" aria-label={`What revision ${number} changed`}>
          {changes.map(({ field, before, after }) => (
            <div key={field}>
              <dt className="mono">{field}</dt>
              <dd>
                <del>{textOf(before)}</del>
                <span aria-hidden="true"> → </span>
                <ins>{textOf(after)}</ins>
              </dd>
            </div>
          ))}
        </dl>
      )}
      <details>
        <summary>The whole of it</summary>
        {cliCommand !== null && <CopyText value={cliCommand} label="Command line" prompt />}
        <pre className="deployment-lines" tabIndex={0} aria-label={`Revision ${number} as YAML`}>
          {toYaml(revision.spec).trimStart()}
        </pre>
      </details>
    </div>
  )
}

function textOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
