import type { ReactNode } from 'react'
import { CommandLine } from '../../parts/copy.tsx'

/** A panel that is empty, and that is all right: one line. */
export function NothingHere({ children, command }: { children: ReactNode; command?: string }): ReactNode {
  return (
    <div className="home-nothing">
      <span className="muted">{children}</span>
      {command && <CommandLine line={command} />}
    </div>
  )
}
