import { Button } from '@mantine/core'
import { createContext, type DragEvent, type ReactNode, useContext, useState } from 'react'
import { client } from '../../api/client.ts'
import { toApiError, useAction } from '../../parts/action.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { toast } from '../../parts/toast.ts'
import { type Chosen, readDropped } from './dropped.ts'
import { draggedPath, dropPlace } from './drag.ts'
import { reread } from './listing.ts'
import { folderOf, join, nameOf } from './paths.ts'
import { addUploads } from './upload-queue.ts'

/** Puts what was chosen into a folder, after asking about what is there already. */
type Offer = (chosen: Chosen, folder: string) => Promise<void>

const OfferContext = createContext<Offer>(async () => {})
export const useOffer = (): Offer => useContext(OfferContext)

interface Conflict {
  files: Chosen['files']
  present: ReadonlySet<string>
}

/**
 * The page as a place to drop files onto: they go to the folder under the pointer, else to the one that is shown. Rows
 * that are dragged within it are moved.
 */
export function UploadTarget({ folder, children }: { folder: string; children: ReactNode }): ReactNode {
  const [over, setOver] = useState<string>()
  const [conflict, setConflict] = useState<Conflict>()
  const move = useMove()
  const offer: Offer = async (chosen, into) => {
    const files = chosen.files.map(({ path, file }) => ({ path: join(into, path), file }))
    try {
      for (const path of chosen.emptyFolders) await client.storage.makeFolder({ body: { path: join(into, path) } })
      if (chosen.emptyFolders.length > 0) reread()
      const present = await findPresent(files.map(({ path }) => path))
      if (present.size > 0) setConflict({ files, present })
      else addUploads(files)
    } catch (error) {
      const { message, hint } = toApiError(error)
      toast(message, { tone: 'failed', hint })
    }
  }
  const drag = useDrag({ folder, setOver, offer, move })
  return (
    <OfferContext value={offer}>
      <div className="storage" {...drag}>
        {children}
        {over !== undefined && (
          <div className="drop-note" role="status">
            <Icon name="upload" /> Drop to put it into <strong dir="auto">{over === '' ? 'Storage' : over}</strong>
          </div>
        )}
      </div>
      {conflict && <ReplaceDialog {...conflict} onClose={() => setConflict(undefined)} />}
    </OfferContext>
  )
}

function useDrag(given: {
  folder: string
  setOver: (folder: string | undefined) => void
  offer: Offer
  move: (from: string, folder: string) => void
}) {
  const { folder, setOver, offer, move } = given
  const targetOf = (event: DragEvent) => {
    const inner = draggedPath(event)
    const place = dropPlace(event)
    if (inner === undefined) return event.dataTransfer.types.includes('Files') ? (place ?? folder) : undefined
    return place
  }
  return {
    onDragOver(event: DragEvent) {
      const target = targetOf(event)
      setOver(target)
      if (target === undefined) return
      event.preventDefault()
      event.dataTransfer.dropEffect = draggedPath(event) === undefined ? 'copy' : 'move'
    },
    onDragLeave(event: DragEvent) {
      if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(undefined)
    },
    onDragEnd: () => setOver(undefined),
    onDrop(event: DragEvent) {
      const target = targetOf(event)
      setOver(undefined)
      if (target === undefined) return
      event.preventDefault()
      const from = event.dataTransfer.getData('application/x-nabla-path')
      if (from !== '') move(from, target)
      else void readDropped(event.dataTransfer).then((chosen) => offer(chosen, target))
    },
  }
}

function useMove(): (from: string, folder: string) => void {
  const action = useAction({
    run: ({ from, to }: { from: string; to: string }) => client.storage.move({ body: { from, to } }),
    done: (_, { from, to }) => ({
      message: `Moved ${nameOf(from)} to ${folderOf(to) || 'the top'}`,
      undo: () => client.storage.move({ body: { from: to, to: from } }).then(reread),
    }),
  })
  return (from, folder) => {
    const to = join(folder, nameOf(from))
    if (to === from || folder === from) return
    void action.run({ from, to }).then((moved) => moved && reread())
  }
}

/** Folders that are looked into, and entries of each: beyond that files are replaced as `nabla storage put` does. */
const mostFolders = 50
const mostEntries = 2000

/** Which of these files are in the storage already. */
async function findPresent(paths: readonly string[]): Promise<ReadonlySet<string>> {
  const wanted = new Set(paths)
  const present = new Set<string>()
  for (const folder of [...new Set(paths.map(folderOf))].slice(0, mostFolders)) {
    let after: string | null = ''
    for (let seen = 0; seen < mostEntries && after !== null; seen += 1000) {
      const page: { items: { path: string }[]; next: string | null } = await client.storage
        .list({ path: folder, limit: 1000, ...(after && { after }) })
        .catch(() => ({ items: [], next: null }))
      for (const { path } of page.items) if (wanted.has(path)) present.add(path)
      after = page.next
    }
  }
  return present
}

function ReplaceDialog({ files, present, onClose }: Conflict & { onClose: () => void }): ReactNode {
  const fresh = files.filter(({ path }) => !present.has(path))
  const go = (some: Chosen['files']) => {
    addUploads(some)
    onClose()
  }
  return (
    <Dialog title="Replace what is there?" onClose={onClose}>
      <div className="stack">
        <p>{present.size === 1 ? 'This file is there already:' : `These ${present.size} files are there already:`}</p>
        <ul className="names">
          {[...present].slice(0, 8).map((path) => (
            <li key={path} className="mono ellipsis" dir="auto" title={path}>
              {path}
            </li>
          ))}
          {present.size > 8 && <li className="muted">and {plural(present.size - 8, 'more', 'more')}</li>}
        </ul>
        <p className="muted">What is replaced cannot be brought back.</p>
        <div className="row" style={{ justifyContent: 'flex-end', flexWrap: 'wrap' }}>
          <Button onClick={onClose}>Cancel</Button>
          {fresh.length > 0 && <Button onClick={() => go(fresh)}>Only the {fresh.length} new</Button>}
          <Button variant="filled" color="red" onClick={() => go(files)} data-autofocus>
            Replace
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
