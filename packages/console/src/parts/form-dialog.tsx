import { Button } from '@mantine/core'
import type { ApiError } from '@nabla/api/client'
import type { ReactNode } from 'react'
import { CommandLine } from './copy.tsx'
import { Dialog } from './dialog.tsx'
import { ErrorNote } from './states.tsx'

export interface FormDialogProps {
  title: string
  /** What the button says: `Save`. */
  submit: string
  onSubmit: () => Promise<unknown>
  onClose: () => void
  pending: boolean
  error: ApiError | undefined
  /** The line of the CLI that does the same, without `nabla`. */
  command: string
  children: ReactNode
}

/** A form over the page: its fields, the line that does the same, what went wrong, and the two buttons. */
export function FormDialog(props: FormDialogProps): ReactNode {
  const { title, submit, onSubmit, onClose, pending, error, command, children } = props
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void onSubmit()
        }}
      >
        {children}
        <CommandLine line={command} />
        <ErrorNote error={error} />
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="filled" loading={pending}>
            {submit}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
