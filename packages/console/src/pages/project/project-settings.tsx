import { Button } from '@mantine/core'
import type { RetentionRule } from '@nabla/api/artifact'
import type { Project } from '@nabla/api/project'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useAction } from '../../parts/action.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { CommandLine, CopyId } from '../../parts/copy.tsx'
import { formatBytes, plural } from '../../parts/format.ts'
import { Facts, Panel } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { Loaded, Together } from '../../parts/states.tsx'
import { RetentionForm } from '../artifact/retention-form.tsx'
import { ModelRulePanel } from '../model/model-rule.tsx'

/** What a project is called, how long its artifacts are kept, and its end. */
export function ProjectSettings(props: { project: Project; open: (form: 'change' | 'delete') => void }): ReactNode {
  const { project, open } = props
  const { id, name, tags, createdAt } = project
  const would = useApi('project', 'delete', { project: id, dryRun: 'true' })
  return (
    <div className="stack project-settings">
      <Panel title="About" actions={<Button onClick={() => open('change')}>Rename or tag</Button>}>
        <Facts
          facts={[
            ['Name', name],
            ['Tags', tags.join(', ') || '–'],
            ['Id', <CopyId key="id" value={id} />],
            ['Created', <RelativeTime key="created" time={createdAt} />],
          ]}
        />
      </Panel>
      <Together>
        <Retention project={project} />
        <ModelRulePanel project={project} />
      </Together>
      <Panel
        title="Delete this project"
        actions={
          <Button color="red" variant="light" onClick={() => open('delete')}>
            Delete
          </Button>
        }
      >
        <div className="stack">
          <p className="muted">
            {would.data
              ? `${plural(would.data.jobs, 'job')} and ${formatBytes(would.data.artifactBytes)} of artifacts go with it, for good.`
              : 'Its jobs go with it, with their logs and artifacts, for good.'}
          </p>
          <CommandLine line={`project delete ${quote(name)} --dry-run`} />
        </div>
      </Panel>
    </div>
  )
}

function Retention({ project: { id, name } }: { project: Project }): ReactNode {
  const query = useApi('artifact', 'showRetention', { project: id })
  const [isOpen, setOpen] = useState(false)
  const clear = useAction<void, unknown>({
    run: () => client.artifact.clearRetention({ project: id }),
    done: () => 'Removed the rule',
    changes: ['artifact'],
  })
  const [rule] = query.data?.items ?? []
  const isOwn = rule?.project != null
  const edited: RetentionRule = isOwn
    ? rule
    : { project: { id, name }, keepLast: rule?.keepLast ?? 20, keepDays: rule?.keepDays ?? null, updatedAt: '' }
  return (
    <Panel
      title="How long artifacts are kept"
      actions={
        query.data && (
          <>
            {isOwn && (
              <Button loading={clear.pending} onClick={() => void clear.run()}>
                Remove the rule
              </Button>
            )}
            <Button onClick={() => setOpen(true)}>{isOwn ? 'Change' : 'Set a rule'}</Button>
          </>
        )
      }
    >
      <Loaded query={query} lines={2}>
        {() => (
          <div className="stack">
            <p>{describe(rule)}</p>
            <CommandLine
              line={`artifact retention set --project ${quote(name)} --keep-last ${edited.keepLast ?? 20}`}
            />
          </div>
        )}
      </Loaded>
      {isOpen && <RetentionForm rule={edited} isAdmin={false} onClose={() => setOpen(false)} />}
    </Panel>
  )
}

function describe(rule: RetentionRule | undefined): string {
  if (!rule) return 'Until their job is deleted: neither this project nor the team has a rule.'
  const words = [
    ...(rule.keepLast === null ? [] : [`those of the last ${plural(rule.keepLast, 'job')}`]),
    ...(rule.keepDays === null ? [] : [`those of the last ${plural(rule.keepDays, 'day')}`]),
  ].join(' and ')
  return `Kept are ${words}${rule.project ? '.' : ', by the rule of the team.'}`
}
