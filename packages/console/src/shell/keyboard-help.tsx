import type { ReactNode } from 'react'
import { Dialog } from '../parts/dialog.tsx'
import { keys } from './keyboard.ts'

/** The list of keys. */
export function KeyboardHelp({ onClose }: { onClose: () => void }): ReactNode {
  return (
    <Dialog title="Keyboard" onClose={onClose}>
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
    </Dialog>
  )
}
