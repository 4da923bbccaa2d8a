import type { RetentionRule } from '@nabla/api/artifact'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useShortList } from '../../api/short-list.ts'
import { ActionButton } from '../../parts/action-button.tsx'
import { type Action, useAction } from '../../parts/action.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { plural } from '../../parts/format.ts'
import { quote } from '../../parts/quote.ts'
import { EmptyState } from '../../parts/states.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { SectionHead } from '../settings/section.tsx'
import { RetentionForm } from './retention-form.tsx'

const columns: readonly Column<RetentionRule>[] = [
  {
    id: 'scope',
    title: 'For',
    width: 'minmax(140px, 2fr)',
    cell: ({ project }) => (project ? <bdi>project {project.name}</bdi> : 'the whole team'),
  },
  { id: 'keeps', title: 'Keeps', width: 'minmax(160px, 2fr)', card: 'fact', cell: keeps },
  {
    id: 'changed',
    title: 'Changed',
    width: '110px',
    card: 'fact',
    cell: (row) => <RelativeTime time={row.updatedAt} />,
  },
]

type Open = { form: 'set'; rule?: RetentionRule } | { form: 'clear'; rule: RetentionRule }

/** How long artifacts are kept: the rule of the team, and those of projects. */
export function RetentionPage(): ReactNode {
  const me = useApi('user', 'me', {})
  const isAdmin = me.data?.role === 'admin'
  const list = useShortList<RetentionRule>({
    noun: 'artifact',
    verb: 'showRetention',
    fetch: async (_page, options) => ({ ...(await client.artifact.showRetention({}, options)), next: null }),
  })
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const make: Action = {
    label: 'New rule',
    icon: 'clock',
    command: 'artifact retention set --keep-last 20',
    run: () => setOpen({ form: 'set' }),
  }
  usePaletteActions('Retention', [make])
  const refusal = (rule: RetentionRule) =>
    rule.project === null && !isAdmin ? 'Only admins change the rule of the team.' : undefined
  return (
    <>
      <SectionHead action={<ActionButton action={make} />}>
        A rule says how long artifacts are kept. Without one they stay until their job is deleted.
      </SectionHead>
      <DataTable
        id="retention"
        label="Rules"
        list={list}
        columns={columns}
        rowKey={({ project }) => project?.id ?? ''}
        rowLabel={({ project }) => (project ? `project ${project.name}` : 'the whole team')}
        actions={(rule) => [
          {
            label: 'Change',
            icon: 'edit',
            unavailable: refusal(rule),
            command: `artifact retention set${scopeFlag(rule)} --keep-last N`,
            run: () => setOpen({ form: 'set', rule }),
          },
          {
            label: 'Remove',
            icon: 'trash',
            danger: true,
            unavailable: refusal(rule),
            command: `artifact retention clear${scopeFlag(rule)}`,
            run: () => setOpen({ form: 'clear', rule }),
          },
        ]}
        empty={
          <EmptyState
            title="No rule: artifacts are kept until their job is deleted."
            command="artifact retention set --keep-last 20 --keep-days 30"
          />
        }
      />
      {open?.form === 'set' && (
        <RetentionForm {...(open.rule && { rule: open.rule })} isAdmin={isAdmin} onClose={close} />
      )}
      {open?.form === 'clear' && <ClearRule rule={open.rule} onClose={close} />}
    </>
  )
}

const scopeFlag = ({ project }: RetentionRule): string => (project ? ` --project ${quote(project.name)}` : '')

/** A rule in words: `the last 20 jobs and 30 days`. */
function keeps({ keepLast, keepDays }: RetentionRule): string {
  const words = [
    ...(keepLast === null ? [] : [`the last ${plural(keepLast, 'job')}`]),
    ...(keepDays === null ? [] : [`the last ${plural(keepDays, 'day')}`]),
  ]
  return words.join(' and ')
}

function ClearRule({ rule, onClose }: { rule: RetentionRule; onClose: () => void }): ReactNode {
  const action = useAction({
    run: () => client.artifact.clearRetention(rule.project ? { project: rule.project.id } : {}),
    done: () => 'Removed the rule',
    changes: ['artifact'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={rule.project ? `the rule of ${rule.project.name}` : 'the rule of the team'}
      name=""
      verb="Remove"
      takes={[]}
      note={
        rule.project
          ? 'From then on the rule of the team holds for this project, if there is one.'
          : 'From then on artifacts are kept until their job is deleted. Rules of projects stay.'
      }
      action={action}
      command={`artifact retention clear${scopeFlag(rule)}`}
      onClose={onClose}
    />
  )
}
