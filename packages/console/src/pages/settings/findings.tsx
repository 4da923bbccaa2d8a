import type { Finding } from '@nabla/api/server'
import type { ReactNode } from 'react'
import { Prose } from '../../parts/prose.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import './findings.css'

/** Problems first, then warnings, then what is well. */
export function Findings({ findings }: { findings: readonly Finding[] }): ReactNode {
  const order = { problem: 0, warning: 1, ok: 2 }
  const sorted = findings.toSorted((a, b) => order[a.level] - order[b.level])
  return (
    <ul className="findings">
      {sorted.map(({ level, topic, message, hint }, place) => (
        <li key={place}>
          <StateBadge state={level} bare />
          <span className="finding-topic">{topic}</span>
          <span className="finding-text">
            {message}
            {level !== 'ok' && hint && (
              <span className="muted">
                {' '}
                <Prose text={hint} />
              </span>
            )}
          </span>
        </li>
      ))}
    </ul>
  )
}
