import { Button, Menu, SegmentedControl } from '@mantine/core'
import { type ExperimentKind, experimentKinds } from '@nabla/api/experiment-states'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useEffect } from 'react'
import { Icon } from '../../parts/icon.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { type Search, useUrlState } from '../../parts/url-state.ts'
import type { ExperimentDocument } from './experiment-document.ts'
import { type Sample, samples } from './experiment-samples.ts'

const kinds = ['single', 'multi-node', 'sweep'] as const satisfies readonly ExperimentKind[]

/** Single nodes and several have one builder, searches have their own. */
const pageOf = (kind: ExperimentKind): string => (kind === 'sweep' ? '/sweeps/new' : '/experiments/new')

/**
 * Which of the three kinds is built, and samples of all. One that the other builder makes is made there, in the same
 * project; `onKind` and `onSample` are told of those that belong here.
 */
export function KindPanel(props: {
  kind: ExperimentKind
  values: { project?: string | undefined; command?: string | undefined }
  onKind: (kind: ExperimentKind) => void
  onSample: (document: ExperimentDocument) => void
}): ReactNode {
  const { kind, values, onKind, onSample } = props
  const navigate = useNavigate()
  const go = (to: ExperimentKind, search: Search) =>
    void navigate({ to: pageOf(to) as never, search: { project: values.project, ...search } as never })
  const choose = (next: ExperimentKind) => {
    if (pageOf(next) === pageOf(kind)) onKind(next)
    else go(next, { kind: next === 'multi-node' ? next : undefined, command: values.command || undefined })
  }
  const pick = (sample: Sample) => {
    if (pageOf(sample.kind) === pageOf(kind)) onSample(sample.document)
    else go(sample.kind, { sample: sample.key })
  }
  return (
    <Panel title="Kind" actions={<Samples onPick={pick} />}>
      <SegmentedControl
        aria-label="Kind"
        value={kind}
        onChange={choose}
        data={kinds.map((value) => ({ value, label: experimentKinds[value].label }))}
      />
      <p className="muted experiment-kind">{experimentKinds[kind].about}</p>
    </Panel>
  )
}

/** Fills in the sample that the address names. */
export function useSample(fill: (document: ExperimentDocument) => void): void {
  const [key] = useUrlState('sample')
  useEffect(() => {
    const found = samples.find((sample) => sample.key === key)
    if (found) fill(found.document)
  }, [key])
}

function Samples({ onPick }: { onPick: (sample: Sample) => void }): ReactNode {
  return (
    <Menu>
      <Menu.Target>
        <Button size="compact-xs" rightSection={<Icon name="down" size={12} />}>
          Samples
        </Button>
      </Menu.Target>
      <Menu.Dropdown className="experiment-samples">
        {kinds.map((kind) => [
          <Menu.Label key={kind}>{experimentKinds[kind].label}</Menu.Label>,
          ...samples
            .filter((sample) => sample.kind === kind)
            .map((sample) => (
              <Menu.Item key={sample.key} onClick={() => onPick(sample)}>
                {sample.label}
                <div className="faint">{sample.about}</div>
              </Menu.Item>
            )),
        ])}
      </Menu.Dropdown>
    </Menu>
  )
}
