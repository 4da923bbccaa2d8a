import { SegmentedControl } from '@mantine/core'
import type { Experiment } from '@nabla/api/experiment'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { RelativeTime } from '../../parts/amount.tsx'
import { CopyId, CopyText } from '../../parts/copy.tsx'
import { formatTime } from '../../parts/format.ts'
import { Facts, Panel } from '../../parts/page-header.tsx'
import { toYaml } from '../../parts/yaml.ts'
import { documentOf } from './experiment-document.ts'
import { kindOf } from './experiment-list.tsx'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'

/** What was asked for, by whom, and with which command: it never changes. */
export function ExperimentRecord({ experiment }: { experiment: Experiment }): ReactNode {
  const { cliCommand, createdBy, createdAt, startRequestedAt, parentExperimentId, datasets } = experiment
  const facts: [string, ReactNode][] = [
    ['Kind', kindOf(experiment.kind, experiment.scheme)],
    [
      'By',
      <span key="by" dir="auto">
        {createdBy.name}
      </span>,
    ],
    ['Made', formatTime(createdAt)],
    ['Started by hand', startRequestedAt === null ? 'not yet' : <RelativeTime key="started" time={startRequestedAt} />],
    [
      'Clone of',
      parentExperimentId === null ? (
        'none'
      ) : (
        <Link key="parent" to={`/experiments/${parentExperimentId}` as never}>
          {parentExperimentId}
        </Link>
      ),
    ],
    ['Id', <CopyId key="id" value={experiment.id} />],
  ]
  return (
    <div className="experiment-record">
      <Panel title="Record">
        <Facts facts={facts} />
      </Panel>
      <Panel title="Data">
        {datasets.length === 0 ? (
          <p className="muted">It reads no datasets.</p>
        ) : (
          <Facts facts={datasets.map(({ path, name, version }) => [path, `${name}, version ${version}`])} />
        )}
      </Panel>
      <Panel title="Command line">
        {cliCommand === null ? (
          <p className="muted">It was made in the console or by the API. The document below makes the same again.</p>
        ) : (
          <CopyText value={cliCommand} label="Command line" prompt />
        )}
      </Panel>
      <SpecText experiment={experiment} />
    </div>
  )
}

function SpecText({ experiment }: { experiment: Experiment }): ReactNode {
  const [form, setForm] = useState<'yaml' | 'json'>('yaml')
  const document = documentOf(experiment)
  const text = form === 'yaml' ? toYaml(document).trimStart() : JSON.stringify(document, null, 2)
  return (
    <Panel
      title="Parameters"
      actions={
        <SegmentedControl
          aria-label="Form"
          value={form}
          onChange={(value) => setForm(value)}
          data={[
            { value: 'yaml', label: 'YAML' },
            { value: 'json', label: 'JSON' },
          ]}
        />
      }
    >
      <pre className="experiment-spec" tabIndex={0} aria-label="As text">
        {text}
      </pre>
    </Panel>
  )
}
