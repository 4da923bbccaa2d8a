import { Button, NumberInput, SegmentedControl, Select, TagsInput, TextInput } from '@mantine/core'
import type { StopRuleSettings } from '@nabla/api/search'
import { searchers, searchLimits } from '@nabla/api/searchers'
import { type ReactNode, useState } from 'react'
import { useApi } from '../../api/query.ts'
import { Icon } from '../../parts/icon.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { readDuration, writeDuration } from '../job/job-form-body.ts'
import type { SearchFields, SearchIssues } from './use-sweep-form.ts'
import '@mantine/core/styles/NumberInput.css'

interface PanelProps {
  search: SearchFields
  onSearch: (change: Partial<SearchFields>) => void
  issues: SearchIssues
}

/** What is searched for: one metric or several. */
export function GoalPanel({ search, onSearch, issues }: PanelProps): ReactNode {
  const { objectives } = search
  const change = (at: number, given: Partial<SearchFields['objectives'][number]>) =>
    onSearch({ objectives: objectives.map((one, place) => (place === at ? { ...one, ...given } : one)) })
  return (
    <Panel
      title="Goal"
      actions={
        objectives.length < searchLimits.objectives && (
          <Button
            size="compact-xs"
            leftSection={<Icon name="plus" size={12} />}
            onClick={() => onSearch({ objectives: [...objectives, { metric: '', direction: 'minimize' }] })}
          >
            Objective
          </Button>
        )
      }
    >
      <div className="stack">
        {objectives.map(({ metric, direction }, at) => (
          <div key={at} className="sweep-objective" role="group" aria-label={`Objective ${at + 1}`}>
            <SegmentedControl
              aria-label="Direction"
              value={direction}
              onChange={(value) => change(at, { direction: value })}
              data={[
                { value: 'minimize', label: 'Minimize' },
                { value: 'maximize', label: 'Maximize' },
              ]}
            />
            <TextInput
              aria-label="Metric"
              placeholder="the metric that the program logs, such as val/loss"
              value={metric}
              error={issues.objectives.get(at)}
              onChange={({ currentTarget: { value } }) => change(at, { metric: value.trim() })}
              className="mono-field"
              autoComplete="off"
              spellCheck={false}
            />
            {objectives.length > 1 && (
              <button
                type="button"
                className="icon-button"
                aria-label={`Remove objective ${at + 1}`}
                onClick={() => onSearch({ objectives: objectives.filter((_, place) => place !== at) })}
              >
                <Icon name="close" size={14} />
              </button>
            )}
          </div>
        ))}
        {issues.fields['objectives'] !== undefined && <p className="error-text">{issues.fields['objectives']}</p>}
        {objectives.length > 1 && (
          <p className="muted">The best trials are then those that no other beats in all of them.</p>
        )}
      </div>
    </Panel>
  )
}

/** How the next trial is chosen, which are stopped early, and when the search is over. */
export function SearchPanel({ search, onSearch, issues }: PanelProps): ReactNode {
  const searcher = (search['searcher'] as keyof typeof searchers | undefined) ?? 'tpe'
  const number = (name: string, label: string, description: string, usual: number, most?: number, least = 1) => (
    <NumberInput
      label={label}
      description={description}
      placeholder={String(usual)}
      value={(search[name] as number | undefined) ?? ''}
      onChange={(value) => onSearch({ [name]: value === '' ? undefined : Number(value) })}
      error={issues.fields[name]}
      min={least}
      {...(most !== undefined && { max: most })}
      allowDecimal={false}
    />
  )
  return (
    <Panel title="Search and budget">
      <div className="job-fields">
        <Select
          label="Searcher"
          description={searchers[searcher].about}
          data={Object.entries(searchers).map(([value, { label }]) => ({ value, label }))}
          value={searcher}
          allowDeselect={false}
          onChange={(value) => onSearch({ searcher: value })}
        />
        {searcher === 'population'
          ? number('population', 'Members', 'That train at the same time.', 10, 1000, 2)
          : number('seed', 'Seed', 'The same seed and results give the same trials.', 0, 2 ** 48, 0)}
        {number('trials', 'Trials', 'In all; more can be added later.', 100, searchLimits.trials)}
        {number('parallel', 'At a time', 'As many as the machine has room for.', 1, searchLimits.parallel)}
        <StopRule search={search} onSearch={onSearch} issues={issues} />
        <TimeLimit search={search} onSearch={onSearch} issues={issues} />
        <CostLimit search={search} onSearch={onSearch} issues={issues} />
        {number('mostFailures', 'Brake', 'So many failures in a row end it.', 5)}
        <TagsInput
          className="job-wide"
          label="Warm start"
          description="Earlier sweeps, by name or id: what they found is known from the begin."
          placeholder={(search['warmStart'] as string[] | undefined)?.length ? '' : 'none'}
          value={(search['warmStart'] as string[] | undefined) ?? []}
          onChange={(warmStart) => onSearch({ warmStart })}
          acceptValueOnBlur
        />
      </div>
    </Panel>
  )
}

const rules = {
  none: 'Every trial runs to its end',
  asha: 'ASHA',
  hyperband: 'Hyperband',
  median: 'Median',
} as const

function StopRule({ search, onSearch, issues }: PanelProps): ReactNode {
  const rule = (search['stopRule'] ?? null) as StopRuleSettings | null
  const set = (change: Record<string, unknown>) => onSearch({ stopRule: { ...rule, ...change } })
  const number = (name: string, label: string, usual: number | string) => (
    <NumberInput
      label={label}
      placeholder={String(usual)}
      value={((rule as Record<string, unknown> | null)?.[name] as number | undefined) ?? ''}
      onChange={(value) => set({ [name]: value === '' ? undefined : Number(value) })}
      min={0}
    />
  )
  return (
    <>
      <Select
        label="Stop early"
        description="Trials that are worse than others at the same step."
        data={Object.entries(rules).map(([value, label]) => ({ value, label }))}
        value={rule?.type ?? 'none'}
        allowDeselect={false}
        error={issues.fields['stopRule']}
        onChange={(type) => onSearch({ stopRule: type === 'none' ? null : beginOfRule(String(type)) })}
      />
      {rule && (
        <div className="sweep-rule">
          {rule.type === 'median' ? (
            number('warmup', 'Not before step', 0)
          ) : (
            <>
              {number('first', 'Not before step', 1)}
              {rule.type === 'hyperband' && number('last', 'Last step', 'needed')}
              {number('factor', 'One goes on of', 3)}
            </>
          )}
        </div>
      )}
    </>
  )
}

const beginOfRule = (type: string) => (type === 'hyperband' ? { type, last: 81 } : { type })

/** There is one only where a machine type has a price. */
function CostLimit({ search, onSearch, issues }: PanelProps): ReactNode {
  const { data } = useApi('machine-type', 'list', {})
  const cost = search['costLimit'] as number | null | undefined
  const isKnown = cost != null || data?.items.some(({ pricePerHour }) => pricePerHour !== null)
  if (isKnown !== true) return null
  return (
    <NumberInput
      label="Cost limit"
      description="No trial begins beyond it; see the price of the machine type."
      placeholder="none"
      value={cost ?? ''}
      onChange={(value) => onSearch({ costLimit: value === '' ? undefined : Number(value) })}
      error={issues.fields['costLimit']}
      min={0}
    />
  )
}

function TimeLimit({ search, onSearch, issues }: PanelProps): ReactNode {
  const seconds = search['timeLimitSeconds'] as number | null | undefined
  const [text, setText] = useState(seconds == null || Number.isNaN(seconds) ? '' : writeDuration(seconds))
  const isWrong = text.trim() !== '' && readDuration(text) === undefined
  return (
    <TextInput
      label="Time limit"
      description="No trial begins after this time."
      placeholder="none"
      value={text}
      error={isWrong ? 'Write it like 90s, 10m, 2h or 1h30m.' : issues.fields['timeLimitSeconds']}
      onChange={({ currentTarget: { value } }) => {
        setText(value)
        onSearch({ timeLimitSeconds: value.trim() === '' ? undefined : (readDuration(value) ?? Number.NaN) })
      }}
      autoComplete="off"
    />
  )
}
