import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { CommandLine, CopyText } from '../../parts/copy.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { quote } from '../../parts/quote.ts'
import { ErrorNote } from '../../parts/states.tsx'
import type { DialogProps } from './notebook-dialogs.tsx'

/** Makes and ends the public view of a notebook. */
export function ShareNotebook({ notebook, onClose }: DialogProps): ReactNode {
  const { id, name, share, savedVersion } = notebook
  const make = useAction({
    run: () => client.notebook.share({ notebook: id }),
    done: () => `Shared ${name}`,
    changes: ['notebook'],
    quiet: true,
  })
  const end = useAction({
    run: () => client.notebook.unshare({ notebook: id }),
    done: () => `${name} is shared no longer`,
    changes: ['notebook'],
    quiet: true,
  })
  return (
    <Dialog title={`Share ${name}`} onClose={onClose}>
      <div className="stack">
        <p className="muted">
          Whoever has the link sees the files as they were saved last, without an account. Nothing in them runs, and
          nobody can change anything.
        </p>
        {savedVersion === null && share === null && (
          <p>Nothing is saved yet: a version of the files is made each time it stops.</p>
        )}
        {share !== null && <CopyText value={`${location.origin}/shared/${share}`} label="Public link" button="Copy" />}
        <CommandLine line={`notebook share ${quote(name)}${share === null ? '' : ' --off'}`} />
        <ErrorNote error={make.error ?? end.error} />
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          {share === null ? (
            <Button variant="filled" loading={make.pending} onClick={() => void make.run(undefined)}>
              Make a public link
            </Button>
          ) : (
            <>
              <Button component="a" href={`/shared/${share}`} target="_blank" rel="noopener">
                Look at it
              </Button>
              <Button color="red" loading={end.pending} onClick={() => void end.run(undefined)}>
                End it
              </Button>
            </>
          )}
        </div>
      </div>
    </Dialog>
  )
}
