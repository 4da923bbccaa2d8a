import { SegmentedControl } from '@mantine/core'
import type { ModelRule } from '@nabla/api/model'
import { modelRules } from '@nabla/api/model-tables'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useAction } from '../../parts/action.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { Loaded } from '../../parts/states.tsx'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'

const labels: Record<ModelRule, string> = { any: 'Any', scanned: 'Scanned', signed: 'Signed' }

/** What a project asks of the models that its jobs use; admins change it. */
export function ModelRulePanel({ project: { id, name } }: { project: { id: string; name: string } }): ReactNode {
  const query = useApi('model', 'showRule', { project: id })
  const me = useApi('user', 'me', {})
  const set = useAction<ModelRule, { require: ModelRule }>({
    run: (require) => client.model.setRule({ project: id, body: { require } }),
    done: ({ require }) => `Models of ${name}: ${labels[require].toLowerCase()}`,
    changes: ['model'],
  })
  const isAdmin = me.data?.role === 'admin'
  return (
    <Panel title="Models that jobs may use">
      <Loaded query={query} lines={2}>
        {({ require }) => (
          <div className="stack">
            <SegmentedControl
              aria-label="What is asked of models"
              value={require}
              onChange={(next) => void set.run(next as ModelRule)}
              data={Object.entries(labels).map(([value, label]) => ({ value, label }))}
              disabled={!isAdmin || set.pending}
            />
            <p className="muted">
              {modelRules[require]}
              {!isAdmin && ' Only admins of the team change this.'}
            </p>
            <CommandLine line={`model rule ${quote(name)} --require ${require}`} />
          </div>
        )}
      </Loaded>
    </Panel>
  )
}
