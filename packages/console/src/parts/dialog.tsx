import { Modal } from '@mantine/core'
import { type ReactNode, useEffect, useState } from 'react'

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
  useFocusBack()
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

/** Gives the focus back to what had it when the dialog was opened: a dialog is there or not, and never merely closed. */
function useFocusBack(): void {
  const [before] = useState(() => openerOf(document.activeElement))
  useEffect(
    () => () => {
      // What has the focus in the dialog is still there now, and so is the trap that holds it.
      requestAnimationFrame(() => {
        const { activeElement } = document
        if (before?.isConnected && (activeElement === null || activeElement === document.body)) before.focus()
      })
    },
    [before],
  )
}

/** A button, or of an entry of a menu the button that opened the menu: the entry is gone by then. */
function openerOf(element: Element | null): HTMLElement | undefined {
  const menu = element?.closest('[role=menu]')
  const opener = menu ? document.querySelector(`[aria-controls="${CSS.escape(menu.id)}"]`) : element
  return opener instanceof HTMLElement && opener !== document.body ? opener : undefined
}
