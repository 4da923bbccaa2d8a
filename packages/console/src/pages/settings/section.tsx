import type { ReactNode } from 'react'

/** The line above what a section holds: what it is for, and the button that adds one. */
export function SectionHead({ children, action }: { children: ReactNode; action?: ReactNode }): ReactNode {
  return (
    <div className="settings-head">
      <p>{children}</p>
      {action}
    </div>
  )
}

/** One choice: its name and what it means at the left, the field at the right. */
export function SettingsField(props: {
  label: string
  about?: ReactNode
  id?: string
  children: ReactNode
}): ReactNode {
  const { label, about, id, children } = props
  return (
    <div className="settings-field">
      <div>
        <div id={id}>{label}</div>
        {about && <div className="muted">{about}</div>}
      </div>
      <div>{children}</div>
    </div>
  )
}
