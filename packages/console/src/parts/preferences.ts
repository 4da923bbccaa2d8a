import { useSyncExternalStore } from 'react'
import { readKept, writeKept } from './kept.ts'

/** How somebody likes the console, in this browser. The theme is kept by Mantine. */
export interface Preferences {
  /** Height of the rows of tables: 36 or 28 px. */
  density: 'comfortable' | 'dense'
  times: 'relative' | 'exact'
  /** Zone of exact times: that of the browser, or UTC as on the command line. */
  zone: 'local' | 'utc'
}

const initial: Preferences = { density: 'comfortable', times: 'relative', zone: 'local' }
const watchers = new Set<() => void>()
let chosen: Preferences = { ...initial, ...readKept<Partial<Preferences>>('preferences', {}) }

/** What holds now, for code that draws nothing. */
export const preferences = (): Preferences => chosen

/** What holds now; the component is drawn again when it changes. */
export function usePreferences(): Preferences {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    () => chosen,
  )
}

/** Changes some of them, here and for the next visit. */
export function prefer(change: Partial<Preferences>): void {
  chosen = { ...chosen, ...change }
  writeKept('preferences', chosen)
  for (const watcher of watchers) watcher()
}
