import { Modal } from '@mantine/core'
import type { ReactNode } from 'react'
import { keys } from './keyboard.ts'

/** The list of keys. */
export function KeyboardHelp({ onClose }: { onClose: () => void }): ReactNode {
  return (
    <Modal opened onClose={onClose} title="Keyboard" closeButtonProps={{ 'aria-label': 'Close' }}>
      <dl className="keys">
        {keys.map(([key, about]) => (
          <div key={about}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{about}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  )
}
