import { Modal } from '@mantine/core'
import type { ReactNode } from 'react'

export interface DialogProps {
  title: string
  onClose: () => void
  children: ReactNode
  /** Width in px. */
  size?: number
  /** Neither a button nor `esc` closes it. */
  mustAnswer?: boolean
  /** The title is heard and not seen, and there is no space around: for a dialog that is one field. */
  bare?: boolean
}

/**
 * Something that lies over the page and holds it still until it is closed; the focus goes in, and back afterwards. What
 * has `data-autofocus` gets it. (Mantine's own header would be a second banner of the page, hence the parts.)
 */
export function Dialog({
  title,
  onClose,
  children,
  size = 440,
  mustAnswer = false,
  bare = false,
}: DialogProps): ReactNode {
  return (
    <Modal.Root opened onClose={onClose} size={size} closeOnEscape={!mustAnswer} closeOnClickOutside={!mustAnswer}>
      <Modal.Overlay />
      <Modal.Content>
        <div className={bare ? 'only-heard' : 'dialog-title'}>
          <Modal.Title dir="auto">{title}</Modal.Title>
          {!mustAnswer && !bare && <Modal.CloseButton aria-label="Close" />}
        </div>
        {/* React hands on what happens here to a form that has opened it: what is sent here would send that too. */}
        <Modal.Body p={bare ? 0 : 16} onSubmit={(event) => event.stopPropagation()}>
          {children}
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}
