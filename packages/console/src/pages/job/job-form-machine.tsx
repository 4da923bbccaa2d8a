import type { MachineType } from '@nabla/api/machine-type'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { formatMemory, plural } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { Loaded } from '../../parts/states.tsx'

/** The machine types as cards, with what is free now. The default one is taken by naming none. */
export function MachinePanel(props: {
  value: string | undefined
  onChange: (name: string | undefined) => void
  /** The default one is named too: naming none means another one, as with a clone. */
  isNamed: boolean
}): ReactNode {
  const { value, onChange, isNamed } = props
  const query = useApi('machine-type', 'list', {})
  return (
    <Panel title="Machine">
      <div className="machine-choice">
        <Loaded query={query} lines={2}>
          {({ items }) => {
            const isKnown = value === undefined || items.some(({ name }) => name === value)
            return (
              <>
                <div className="machine-cards" role="radiogroup" aria-label="Machine type">
                  {items.map((type) => (
                    <Card
                      key={type.name}
                      type={type}
                      checked={value === undefined ? type.isDefault : value === type.name}
                      onChoose={() => onChange(type.isDefault && !isNamed ? undefined : type.name)}
                    />
                  ))}
                </div>
                {!isKnown && (
                  <p className="error-text" role="alert">
                    There is no machine type {value} here. Choose another.
                  </p>
                )}
              </>
            )
          }}
        </Loaded>
      </div>
    </Panel>
  )
}

function Card({ type, checked, onChoose }: { type: MachineType; checked: boolean; onChoose: () => void }): ReactNode {
  const { name, cpus, memoryBytes, gpus, gpuName, isDefault, available } = type
  return (
    <label className="machine-card">
      <input type="radio" name="machine-type" value={name} checked={checked} onChange={onChoose} />
      <span className="row">
        <strong className="ellipsis" dir="auto">
          {name}
        </strong>
        {isDefault && <span className="faint">default</span>}
      </span>
      <span className="muted number">
        {plural(cpus, 'CPU')} · {formatMemory(memoryBytes)}
      </span>
      {gpus > 0 && (
        <span className="muted ellipsis">
          {gpus} × {gpuName ?? 'GPU'}
        </span>
      )}
      <StateBadge
        state={available > 0 ? 'ready' : 'queued'}
        label={available > 0 ? `${available} free now` : 'all taken: it would wait'}
      />
    </label>
  )
}
