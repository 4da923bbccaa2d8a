import { Button, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { type RunningAction } from './action.ts'
import { CommandLine } from './copy.tsx'
import { Dialog } from './dialog.tsx'
import { ErrorNote } from './states.tsx'

export interface ConfirmDeleteProps {
  /** What goes: `project digits`. */
  what: string
  /** Its name, which must be typed if more goes with it. */
  name: string
  /** What goes with it, in words: `12 jobs`, `1.5 GiB of artifacts`. Undefined: not known yet. */
  takes: readonly string[] | undefined
  action: RunningAction<void, unknown>
  /** The line of the CLI, without `nabla`, if there is one. */
  command?: string
  onClose: () => void
  /** What the button says, if it is not `Delete`. */
  verb?: string
  /** What it means, where nothing goes with it: instead of the usual sentence. */
  note?: string
}

/** Asks before something goes for good. The name is asked for only when more than one thing goes. */
export function ConfirmDelete(props: ConfirmDeleteProps): ReactNode {
  const { what, name, takes, action, command, onClose, verb = 'Delete', note } = props
  const [typed, setTyped] = useState('')
  const needsName = takes !== undefined && takes.length > 0
  const ready = takes !== undefined && (!needsName || typed === name)
  const go = async () => {
    if (ready && (await action.run()) !== undefined) onClose()
  }
  return (
    <Dialog title={`${verb} ${what}?`} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void go()
        }}
      >
        {takes === undefined && <p className="muted">Looking up what goes with it…</p>}
        {takes?.length === 0 && <p>{note ?? 'Nothing else goes with it. It cannot be taken back.'}</p>}
        {needsName && (
          <>
            <p>
              This goes with it, for good: <strong>{takes.join(', ')}</strong>.
            </p>
            <TextInput
              label={`Type ${name} to go on`}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
              autoComplete="off"
              data-autofocus
            />
          </>
        )}
        {command !== undefined && <CommandLine line={command} />}
        <ErrorNote error={action.error} />
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="filled" color="red" disabled={!ready} loading={action.pending}>
            {verb}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
