import { Checkbox, NumberInput, PasswordInput, SegmentedControl, Select, Switch, TextInput } from '@mantine/core'
import { deploymentLimits } from '@nabla/api/deployment-states'
import { type ReactNode, useState } from 'react'
import type { SchemaForm } from '../../parts/form.ts'
import { Panel } from '../../parts/page-header.tsx'
import { readDuration, writeDuration } from '../job/job-form-body.ts'
import type { deploymentFields, DeploymentFields, Rollout } from './use-deployment-form.ts'
import '@mantine/core/styles/Checkbox.css'
import '@mantine/core/styles/NumberInput.css'
import '@mantine/core/styles/PasswordInput.css'
import '@mantine/core/styles/Switch.css'

type Form = SchemaForm<typeof deploymentFields>

/** A whole number that may be left empty. */
function Count(props: {
  label: string
  description?: string
  value: number | null | undefined
  usual: string
  onChange: (value: number | undefined) => void
  min?: number
  max?: number
  error?: string | undefined
}): ReactNode {
  const { value, usual, onChange, ...field } = props
  return (
    <NumberInput
      {...field}
      placeholder={usual}
      value={value ?? ''}
      onChange={(next) => onChange(next === '' ? undefined : Number(next))}
    />
  )
}

/** A time such as `90s`; empty: as usual. */
function Time(props: {
  label: string
  description: string
  usual: string
  value: number | undefined
  onChange: (seconds: number | undefined) => void
}): ReactNode {
  const { label, description, usual, value, onChange } = props
  const [text, setText] = useState(value === undefined ? '' : writeDuration(value))
  const isWrong = text.trim() !== '' && readDuration(text) === undefined
  return (
    <TextInput
      label={label}
      description={description}
      placeholder={usual}
      value={text}
      error={isWrong ? 'Write it like 90s, 10m, 2h or 1h30m.' : undefined}
      onChange={({ currentTarget: { value: next } }) => {
        setText(next)
        onChange(next.trim() === '' ? undefined : (readDuration(next) ?? Number.NaN))
      }}
      autoComplete="off"
    />
  )
}

const scaleMetrics = {
  outstanding: 'Requests under way',
  rate: 'Requests per second',
  latency: 'Latency, p95 in ms',
  cpu: 'Processor, in percent',
}

type Autoscaling = NonNullable<DeploymentFields['autoscaling']>

/** How many instances there are: always as many, or as many as are needed. */
export function ScalePanel({ form }: { form: Form }): ReactNode {
  const { autoscaling, instances } = form.values
  const set = (change: Partial<Autoscaling>) =>
    form.set('autoscaling', { max: 4, target: 8, ...autoscaling, ...change })
  return (
    <Panel title="Instances">
      <div className="stack">
        <Switch
          label="As many as are needed"
          checked={autoscaling != null}
          onChange={({ currentTarget: { checked } }) => (checked ? set({ min: 1 }) : form.set('autoscaling', null))}
        />
        <div className="job-fields">
          {autoscaling == null ? (
            <Count
              label="How many"
              value={instances}
              usual="1"
              min={0}
              max={deploymentLimits.instances}
              onChange={(count) => form.set('instances', count)}
              error={form.errors['instances']}
            />
          ) : (
            <>
              <Count
                label="At least"
                description="0: none while nothing is asked; the next request waits until one is up."
                value={autoscaling.min}
                usual="1"
                min={0}
                max={deploymentLimits.instances}
                onChange={(min) => set({ min })}
              />
              <Count
                label="At most"
                description="The machine has to have room for them."
                value={autoscaling.max}
                usual="4"
                min={1}
                max={deploymentLimits.instances}
                onChange={(max) => set({ max: max ?? 1 })}
                error={form.errors['autoscaling']}
              />
              <Select
                label="By"
                data={Object.entries(scaleMetrics).map(([value, label]) => ({ value, label }))}
                value={autoscaling.metric ?? 'outstanding'}
                allowDeselect={false}
                onChange={(metric) => set({ metric: metric as keyof typeof scaleMetrics })}
              />
              <Count
                label="Of each instance"
                value={autoscaling.target}
                usual="8"
                min={1}
                onChange={(target) => set({ target: target ?? 1 })}
              />
            </>
          )}
        </div>
      </div>
    </Panel>
  )
}

/** Who may send requests. */
export function AccessPanel({ form, isChange }: { form: Form; isChange: boolean }): ReactNode {
  const auth = form.values.auth ?? { kind: 'keys' as const }
  const begin = { keys: { kind: 'keys' }, basic: { kind: 'basic', username: '' }, public: { kind: 'public' } } as const
  return (
    <Panel title="Who may send requests">
      <div className="deployment-form-kind">
        <SegmentedControl
          aria-label="Who may send requests"
          value={auth.kind}
          onChange={(kind) => form.set('auth', begin[kind])}
          data={[
            { value: 'keys', label: 'API keys of the team' },
            { value: 'basic', label: 'Name and password' },
            { value: 'public', label: 'Anyone' },
          ]}
        />
        {auth.kind === 'public' && <p className="muted">Anyone who reaches this server, without a key.</p>}
        {auth.kind === 'basic' && (
          <div className="job-fields">
            <TextInput
              label="Name"
              value={auth.username}
              onChange={({ currentTarget: { value } }) => form.set('auth', { ...auth, username: value })}
              error={form.errors['auth']}
              autoComplete="off"
            />
            <PasswordInput
              label="Password"
              description={isChange ? 'Empty: it stays as it is.' : 'Or secret:NAME, for a secret.'}
              value={auth.password ?? ''}
              onChange={({ currentTarget: { value } }) =>
                form.set('auth', { kind: 'basic', username: auth.username, ...(value !== '' && { password: value }) })
              }
              autoComplete="new-password"
            />
          </div>
        )}
      </div>
    </Panel>
  )
}

/** How an instance is asked whether it is well. */
export function HealthPanel({ form }: { form: Form }): ReactNode {
  const checks = form.values.healthChecks ?? {}
  const { readiness, liveness, startLimitSeconds } = checks
  const set = (change: Partial<typeof checks>) => form.set('healthChecks', { ...checks, ...change })
  return (
    <Panel title="Health">
      <div className="job-fields">
        <TextInput
          label="Ready when this path answers"
          description="Until then it gets no requests."
          placeholder="it is enough that it listens"
          className="mono-field"
          value={readiness?.path ?? ''}
          onChange={({ currentTarget: { value } }) =>
            set({ readiness: { ...readiness, path: value === '' ? null : value } })
          }
          error={form.errors['healthChecks']}
          autoComplete="off"
          spellCheck={false}
        />
        <TextInput
          label="Alive as long as this path answers"
          description="It is started again if not."
          placeholder="not asked"
          className="mono-field"
          value={liveness?.path ?? ''}
          onChange={({ currentTarget: { value } }) =>
            set({ liveness: value === '' ? null : { ...liveness, path: value } })
          }
          autoComplete="off"
          spellCheck={false}
        />
        <Time
          label="May take to be ready"
          description="Then it has failed, and the one before goes on."
          usual="10m"
          value={startLimitSeconds}
          onChange={(seconds) => set({ startLimitSeconds: seconds })}
        />
        <Time
          label="May take to finish"
          description="Its requests, when it is to go."
          usual="30s"
          value={form.values.drainSeconds}
          onChange={(seconds) => form.set('drainSeconds', seconds)}
        />
      </div>
    </Panel>
  )
}

/** How the change takes over. */
export function RolloutPanel(props: { rollout: Rollout; onChange: (rollout: Rollout) => void }): ReactNode {
  const { rollout, onChange } = props
  return (
    <Panel title="How it takes over">
      <div className="job-fields">
        <NumberInput
          label="Share of the requests, in percent"
          description="As a canary, until you promote it. Empty: all of them, as soon as it is ready."
          placeholder="all"
          value={rollout.canary}
          onChange={(value) => onChange({ ...rollout, canary: value === '' ? '' : String(value) })}
          min={1}
          max={99}
          disabled={rollout.shadow}
        />
        <Checkbox
          label="Only copies of requests: its answers are measured, and nobody gets them"
          checked={rollout.shadow}
          onChange={({ currentTarget: { checked } }) => onChange({ canary: '', shadow: checked })}
        />
      </div>
    </Panel>
  )
}

/** What seldom has to be said, folded; open when something in it is not as usual. */
export function MorePanel({ form }: { form: Form }): ReactNode {
  const bounds = form.values.bounds ?? {}
  const { guard } = form.values
  const [open, setOpen] = useState(() => guard != null || Object.keys(bounds).length > 0)
  const set = (change: Partial<typeof bounds>) => form.set('bounds', { ...bounds, ...change })
  return (
    <details className="panel job-more" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <h2>More</h2>
        <span className="faint ellipsis">bounds of requests, taking back by itself</span>
      </summary>
      <div className="panel-body job-fields">
        <Time
          label="Until an answer begins"
          description="Then the request has failed."
          usual="5m"
          value={bounds.timeoutSeconds}
          onChange={(seconds) => set({ timeoutSeconds: seconds })}
        />
        <Count
          label="At one instance at a time"
          description="Others wait. Empty: any number."
          value={bounds.perInstance}
          usual="any number"
          min={1}
          onChange={(count) => set({ perInstance: count ?? null })}
          error={form.errors['bounds']}
        />
        <Count
          label="Requests that may wait"
          value={bounds.queue}
          usual="200"
          min={0}
          onChange={(queue) => set({ queue })}
        />
        <Count
          label="Per second, of one key"
          description="More are refused. Empty: any number."
          value={bounds.rate?.perSecond}
          usual="any number"
          min={1}
          onChange={(count) => set({ rate: count === undefined ? null : { perSecond: count, burst: count } })}
        />
        <Guard form={form} />
      </div>
    </details>
  )
}

/** When a new revision is taken back by itself. */
function Guard({ form }: { form: Form }): ReactNode {
  const { guard } = form.values
  return (
    <>
      <Switch
        className="job-wide"
        label="Take a new revision back by itself when too many of its requests fail"
        checked={guard != null}
        onChange={({ currentTarget: { checked } }) => form.set('guard', checked ? { errorShare: 0.05 } : null)}
      />
      {guard != null && (
        <>
          <Count
            label="Failed requests, in percent"
            value={Math.round((guard.errorShare ?? 0.05) * 100)}
            usual="5"
            min={0}
            max={100}
            onChange={(share) => form.set('guard', { ...guard, errorShare: (share ?? 5) / 100 })}
          />
          <Count
            label="Latency, p95 in ms"
            description="Empty: any."
            value={guard.latencyMs}
            usual="any"
            min={1}
            onChange={(latency) => form.set('guard', { ...guard, latencyMs: latency ?? null })}
          />
        </>
      )}
    </>
  )
}
