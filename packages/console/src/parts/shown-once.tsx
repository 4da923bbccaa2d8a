import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { CommandLine, CopyText } from './copy.tsx'
import { Dialog } from './dialog.tsx'

/** A key that the server shows only now, and how to log in with it. It stays until somebody says they have it. */
export function ShownOnce({
  title,
  secret,
  onClose,
}: {
  title: string
  secret: string
  onClose: () => void
}): ReactNode {
  return (
    <Dialog title={title} onClose={onClose} size={560} mustAnswer>
      <div className="stack">
        <p>It is shown only now: the server keeps no copy that could be read.</p>
        <CopyText value={secret} label="The key" />
        <p className="muted">Where it is to be used:</p>
        <CommandLine line={`login --url ${window.location.origin} --key ${secret}`} label="Command to log in" />
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button variant="filled" onClick={onClose} data-autofocus>
            I have it
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
