import type { Finding } from '@nabla/api/server'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useMachine } from '../../api/machine-use.ts'
import { useApi } from '../../api/query.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { plural } from '../../parts/format.ts'
import { PageHeader, Panel } from '../../parts/page-header.tsx'
import { LineRoom, Loaded, Together } from '../../parts/states.tsx'
import { ImagePanel } from '../image/image-panel.tsx'
import { Findings } from '../settings/findings.tsx'
import { MachineCharts } from './machine-charts.tsx'
import { MachineNow } from './machine-now.tsx'
import { MachineTypes } from './machine-types.tsx'
import './machine.css'

/** The machine: what jobs can ask for and what runs on each, what it does now and did, and what is wrong with it. */
export function MachinePage(): ReactNode {
  const watch = useMachine()
  const first = useApi('server', 'machine', {})
  const use = watch.latest ?? first.data
  return (
    <>
      <PageHeader title="Machines">
        {use ? (
          <span className="number">
            {plural(use.tasks.running, 'task')} at work, {use.tasks.queued} waiting
          </span>
        ) : (
          <LineRoom />
        )}
      </PageHeader>
      <div className="machine">
        <Together>
          <MachineTypes />
          <Loaded query={{ ...first, data: use }}>{(now) => <MachineNow use={now} />}</Loaded>
          <MachineCharts ticks={watch.ticks} />
          <ImagePanel />
          <CommandLine line="machine --follow" />
        </Together>
        <EngineFindings />
      </div>
    </>
  )
}

/** What stands in the way, of what the doctor of the server looks at. */
function EngineFindings(): ReactNode {
  const doctor = useApi('server', 'doctor', {})
  const isBad = ({ level }: Finding) => level !== 'ok'
  return (
    <Panel title="Findings" actions={<Link to="/settings/health">All</Link>} flush>
      <Loaded query={doctor} lines={2}>
        {({ findings }) =>
          findings.some(isBad) ? (
            <Findings findings={findings.filter(isBad)} />
          ) : (
            <p className="panel-body muted">Nothing is in the way: {plural(findings.length, 'thing')} looked at.</p>
          )
        }
      </Loaded>
    </Panel>
  )
}
