import { type ReactNode, useState } from 'react'
import { formatCount } from './format.ts'

/** More members of one list or object are not drawn. */
const mostMembers = 500
const longestText = 2000

/** A value of JSON as a tree; what is closed is not drawn, so it may be large. */
export function JsonTree({ value, name, open = false }: { value: unknown; name?: string; open?: boolean }): ReactNode {
  const [isOpen, setOpen] = useState(open)
  const label = name === undefined ? null : <span className="json-name">{name}: </span>
  if (typeof value !== 'object' || value === null) {
    const text = JSON.stringify(value) ?? 'null'
    return (
      <div className="json-leaf" dir="auto">
        {label}
        <span className={`json-${value === null ? 'null' : typeof value}`}>
          {text.length > longestText ? `${text.slice(0, longestText)}…` : text}
        </span>
      </div>
    )
  }
  const members = Object.entries(value)
  const what = Array.isArray(value) ? `[${formatCount(members.length)}]` : `{${formatCount(members.length)}}`
  return (
    <details className="json-node" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {label}
        <span className="faint">{what}</span>
      </summary>
      {isOpen && members.slice(0, mostMembers).map(([key, one]) => <JsonTree key={key} name={key} value={one} />)}
      {isOpen && members.length > mostMembers && (
        <div className="json-leaf faint">and {formatCount(members.length - mostMembers)} more</div>
      )}
    </details>
  )
}
