import { useEffect, useRef } from 'react'
import type { Action } from '../parts/action.ts'

/** Something that the palette finds. */
export interface Entry extends Omit<Action, 'run'> {
  /** The address that it opens, or what it does. */
  to?: string
  run?: () => unknown
  /** Under which heading: `Go to`, `Projects`. */
  group: string
  /** More words that find it. */
  words?: string
}

/** Finds resources by what was typed; called as one types, so it must be quick and bounded. */
export type Finder = (text: string, signal: AbortSignal) => Promise<Entry[]>

const onPages = new Set<() => readonly Entry[]>()
const finders: Finder[] = []

/** Offers actions in the palette while the page is shown: `usePaletteActions('This project', actions)`. */
export function usePaletteActions(group: string, actions: readonly Action[]): void {
  const latest = useRef<readonly Entry[]>([])
  latest.current = actions.map((action) => ({ ...action, group }))
  useEffect(() => {
    const give = () => latest.current
    onPages.add(give)
    return () => void onPages.delete(give)
  }, [])
}

/** Adds a finder of one noun; each noun does it once, in its `routes.ts`. */
export function addFinder(finder: Finder): void {
  finders.push(finder)
}

/** Offers to make something, from any page; on one that offers it itself it is not said twice. */
export function addMaker(entry: Entry): void {
  const said = entry.label.toLowerCase()
  addFinder((text) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean)
    const isWanted = words.length > 0 && words.every((word) => said.includes(word))
    return Promise.resolve(isWanted && !pageEntries().some(({ label }) => label === entry.label) ? [entry] : [])
  })
}

export const pageEntries = (): Entry[] => [...onPages].flatMap((give) => [...give()])

/** What all finders find; one that fails finds nothing. */
export async function findEntries(text: string, signal: AbortSignal): Promise<Entry[]> {
  const found = await Promise.all(finders.map((find) => find(text, signal).catch(() => [])))
  return found.flat()
}
