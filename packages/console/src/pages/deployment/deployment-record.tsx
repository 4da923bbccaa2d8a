import type { Deployment } from '@nabla/api/deployment'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { CommandLine, CopyId } from '../../parts/copy.tsx'
import { formatTime } from '../../parts/format.ts'
import { MarkdownView } from '../../parts/markdown-view.tsx'
import { Facts, Panel } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { toYaml } from '../../parts/yaml.ts'
import { documentOf } from './deployment-document.ts'

/** What was asked for, as a file that makes the same again. */
export function DeploymentRecord({ deployment }: { deployment: Deployment }): ReactNode {
  const { spec, models, note, path, address, name } = deployment
  const { readiness, liveness, startLimitSeconds } = spec.healthChecks
  const served = models.map(({ name: model, version }) => (
    <div key={model}>
      <Link to={`/models/${model}?version=${version}` as never}>
        {model}:{version}
      </Link>
    </div>
  ))
  return (
    <div className="deployment-record">
      <Panel title="Settings">
        <Facts
          facts={[
            ['Serves', served.length > 0 ? served : (spec.command ?? spec.image)],
            ['For programs', <CopyId key="path" value={`${location.origin}${path}`} />],
            ['For browsers', address === null ? 'no way there from here' : <CopyId key="address" value={address} />],
            ['Ready', readiness.path === null ? 'as soon as it listens' : `when ${readiness.path} answers`],
            ['Alive', liveness?.path == null ? 'not asked' : `as long as ${liveness.path} answers`],
            ['May take to be ready', `${startLimitSeconds} s`],
            ['May take to finish', `${spec.drainSeconds} s`],
            ['Scales', scalingText(deployment)],
            ['Made', formatTime(deployment.createdAt)],
            ['Id', <CopyId key="id" value={deployment.id} />],
          ]}
        />
      </Panel>
      {note !== '' && (
        <Panel title="Note">
          <MarkdownView text={note} />
        </Panel>
      )}
      <Panel title="The same as YAML">
        <pre className="deployment-lines" tabIndex={0} aria-label="As YAML">
          {toYaml(documentOf(deployment)).trimStart()}
        </pre>
      </Panel>
      <CommandLine line={`deployment update ${quote(name)} -f deployment.yaml`} label="With a file of it" />
    </div>
  )
}

function scalingText({ spec: { autoscaling, instances } }: Deployment): string {
  if (autoscaling === null) return `always ${instances}`
  const { min, max, metric, target } = autoscaling
  return `${min} to ${max}, for ${metric} ${target} each`
}
