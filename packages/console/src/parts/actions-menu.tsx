import { ActionIcon, Menu } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Action } from './action.ts'
import { Icon } from './icon.tsx'

/** The `⋯` that holds what else one can do. What is unavailable says why. */
export function ActionsMenu(props: {
  actions: readonly Action[]
  label: string
  opened?: boolean
  onChange?: (opened: boolean) => void
}): ReactNode {
  const { actions, label, opened, onChange } = props
  return (
    <Menu {...(opened === undefined ? {} : { opened })} {...(onChange ? { onChange } : {})} withinPortal>
      <Menu.Target>
        <ActionIcon aria-label={label} className="actions-button">
          <Icon name="more" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {actions.map((action) => (
          <Menu.Item
            key={action.label}
            disabled={action.unavailable !== undefined}
            {...(action.danger ? { color: 'red' } : {})}
            leftSection={action.icon && <Icon name={action.icon} size={14} />}
            onClick={() => action.run()}
            title={action.unavailable ?? (action.command && `nabla ${action.command}`)}
          >
            {action.label}
            {action.unavailable && <div className="faint">{action.unavailable}</div>}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}
