import { Menu, UnstyledButton } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Action } from './action.ts'
import { Icon } from './icon.tsx'
import './copy.css'

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
        <UnstyledButton aria-label={label} className="icon-button actions-button">
          <Icon name="more" />
        </UnstyledButton>
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
