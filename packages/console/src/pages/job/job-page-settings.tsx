import { Button, SegmentedControl } from '@mantine/core'
import type { Job } from '@nabla/api/job'
import { type ReactNode, useState } from 'react'
import { Bytes } from '../../parts/amount.tsx'
import { CopyId, useCopy } from '../../parts/copy.tsx'
import { formatCount, formatDuration } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { Facts, Panel } from '../../parts/page-header.tsx'
import { JobPackages } from './job-packages.tsx'
import { JobPorts } from './job-ports.tsx'
import { toYaml } from '../../parts/yaml.ts'
import { commandOf, givenOf } from './job-page-spec.ts'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'

/** All that was asked for: what the job has, its environment with secrets by their names only, and both as text to copy. */
export function JobSettings({ job }: { job: Job }): ReactNode {
  const { spec } = job
  const variables = Object.entries(spec.env)
  return (
    <div className="job-settings">
      <Panel title="Parameters">
        <Facts facts={parametersOf(job)} />
      </Panel>
      <JobPorts job={job} />
      <Panel title="Environment">
        {variables.length === 0 ? (
          <p className="muted">No variables of its own.</p>
        ) : (
          <Facts
            facts={variables.map(([name, value]) => [
              name,
              value.startsWith('secret:') ? (
                <span key={name} className="row">
                  <Icon name="lock" size={14} /> secret {value.slice('secret:'.length)}
                </span>
              ) : (
                <code key={name}>{value}</code>
              ),
            ])}
          />
        )}
      </Panel>
      <JobPackages job={job} />
      <SpecText job={job} />
    </div>
  )
}

function parametersOf(job: Job): [string, ReactNode][] {
  const { spec, workspace } = job
  return [
    ['Machine type', job.machineType],
    ['Image', spec.build ? `built from ${spec.build.dockerfile}` : spec.image],
    ...imageFacts(job),
    ['Files', <Origin key="files" job={job} />],
    ...(workspace
      ? ([
          [
            'Workspace',
            <span key="workspace">
              {formatCount(workspace.files)} files, <Bytes bytes={workspace.sizeBytes} />
            </span>,
          ],
          ...(workspace.digest === null
            ? []
            : [['Digest', <CopyId key="digest" value={workspace.digest} label={workspace.digest.slice(0, 16)} />]]),
          ...(workspace.commit === null ? [] : [['Commit', <CopyId key="commit" value={workspace.commit} />]]),
        ] as [string, ReactNode][])
      : []),
    ['Working folder', <code key="working">{spec.workingDir}</code>],
    ['Artifacts folder', <code key="artifacts">{spec.artifactsDir}</code>],
    ['Requirements', spec.requirements ?? 'none'],
    ...(spec.ports.length === 0 ? ([['Ports', 'none']] as [string, ReactNode][]) : []),
    ['Time limit', spec.timeLimitSeconds === null ? 'none' : formatDuration(spec.timeLimitSeconds * 1000)],
    [
      'Retries',
      spec.retries === 0
        ? 'none'
        : `${spec.retries}, on ${spec.retryOn === 'any' ? 'any failure' : "the machine's failures"}`,
    ],
    ['Priority', spec.priority],
  ]
}

/** What was asked of the image, beside its name. */
function imageFacts({ spec }: Job): [string, ReactNode][] {
  const { registry, pull, user, entrypoint, shmBytes, build } = spec
  const facts: [string, ReactNode][] = [
    ['Stage', build?.target],
    ['Pushed to', build?.push],
    ['Registry', registry],
    ['Pull', pull],
    ['User', user],
    ['Entrypoint', Array.isArray(entrypoint) ? entrypoint.join(' ') : entrypoint],
    ['Shared memory', shmBytes === null ? null : <Bytes key="shm" bytes={shmBytes} />],
  ]
  return facts.filter(([, value]) => value !== null && value !== undefined)
}

function Origin({ job }: { job: Job }): ReactNode {
  const source = job.spec.workspace
  if (source.from === 'nothing') return 'none'
  if (source.from === 'upload') return 'sent from a folder'
  return (
    <span dir="ltr">
      {source.url}
      {source.ref === undefined ? '' : ` at ${source.ref}`}
    </span>
  )
}

function SpecText({ job }: { job: Job }): ReactNode {
  const [form, setForm] = useState<'command' | 'yaml'>('command')
  const text = form === 'command' ? `nabla ${commandOf(job)}` : toYaml(givenOf(job)).trimStart()
  const [copied, copy] = useCopy(text)
  return (
    <Panel
      title="The same again"
      actions={
        <>
          <SegmentedControl
            aria-label="Form"
            value={form}
            onChange={(value) => setForm(value)}
            data={[
              { value: 'command', label: 'Command line' },
              { value: 'yaml', label: 'YAML' },
            ]}
          />
          <Button onClick={copy} leftSection={<Icon name={copied ? 'check' : 'copy'} size={14} />}>
            {copied ? 'Copied' : 'Copy'}
          </Button>
        </>
      }
    >
      <pre className="job-spec" tabIndex={0} aria-label="As text">
        {text}
      </pre>
    </Panel>
  )
}
