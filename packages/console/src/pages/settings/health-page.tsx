import type { Finding } from '@nabla/api/server'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { formatCount } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { Loaded } from '../../parts/states.tsx'
import { Findings } from './findings.tsx'
import { SectionHead } from './section.tsx'

/** What `nabla doctor` finds on the server: database, disk, engines, store, loop. */
export function HealthPage(): ReactNode {
  const doctor = useApi('server', 'doctor', {})
  return (
    <>
      <SectionHead>What this server’s machine allows and what it does not, with what to do about it.</SectionHead>
      <Loaded query={doctor}>
        {({ version, findings }) => (
          <Panel title={`Nabla ${version}`} actions={<Sum findings={findings} />} flush>
            <Findings findings={findings} />
          </Panel>
        )}
      </Loaded>
      <CommandLine line="doctor" />
    </>
  )
}

function Sum({ findings }: { findings: readonly Finding[] }): ReactNode {
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length
  const [problems, warnings] = [count('problem'), count('warning')]
  if (problems + warnings === 0) return <StateBadge state="ok" label="Nothing is in the way" />
  return (
    <span className="row">
      {problems > 0 && <StateBadge state="problem" label={`${formatCount(problems)} to mend`} />}
      {warnings > 0 && <StateBadge state="warning" label={`${formatCount(warnings)} to look at`} />}
    </span>
  )
}
