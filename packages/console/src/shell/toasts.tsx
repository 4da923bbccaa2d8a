import { Button, UnstyledButton } from '@mantine/core'
import type { ReactNode } from 'react'
import { Icon } from '../parts/icon.tsx'
import { Prose } from '../parts/prose.tsx'
import { closeToast, useToasts } from '../parts/toast.ts'

/** What happened lately, at the bottom right. */
export function Toasts(): ReactNode {
  const toasts = useToasts()
  return (
    <div className="toasts" role="log" aria-label="Messages" aria-live="polite">
      {toasts.map(({ id, message, hint, tone, undo }) => (
        <div key={id} className={`toast toast-${tone}`}>
          <Icon name={tone === 'failed' ? 'warning' : tone === 'done' ? 'check' : 'info'} />
          <div className="grow">
            <div className="toast-text">{message}</div>
            {hint && (
              <div className="muted toast-text">
                <Prose text={hint} />
              </div>
            )}
          </div>
          {undo && (
            <Button
              size="compact-xs"
              onClick={() => {
                closeToast(id)
                undo()
              }}
            >
              Undo
            </Button>
          )}
          <UnstyledButton className="icon-button" aria-label="Close message" onClick={() => closeToast(id)}>
            <Icon name="close" size={12} />
          </UnstyledButton>
        </div>
      ))}
    </div>
  )
}
