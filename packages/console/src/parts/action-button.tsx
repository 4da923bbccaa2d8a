import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Action } from './action.ts'
import { Icon } from './icon.tsx'

/** The main action of a page or section as a button. What is unavailable says why on hover. */
export function ActionButton({ action, icon = 'plus' }: { action: Action; icon?: Action['icon'] }): ReactNode {
  const { label, run, unavailable } = action
  return (
    <Button
      variant="filled"
      leftSection={icon && <Icon name={icon} size={14} />}
      onClick={() => run()}
      disabled={unavailable !== undefined}
      title={unavailable}
    >
      {label}
    </Button>
  )
}
