import { useSyncExternalStore } from 'react'

export interface Toast {
  id: number
  message: string
  tone: 'done' | 'failed' | 'info'
  /** What to do next. */
  hint?: string
  /** Takes back what was done; the toast goes. */
  undo?: () => void
}

let toasts: readonly Toast[] = []
let counter = 0
const watchers = new Set<() => void>()

/** Says what happened, in a corner, for some seconds; one that failed stays until it is closed. */
export function toast(message: string, options: Partial<Pick<Toast, 'tone' | 'hint' | 'undo'>> = {}): number {
  const id = ++counter
  set([...toasts, { id, message, tone: 'done' as const, ...options }].slice(-4))
  if (options.tone !== 'failed') setTimeout(() => closeToast(id), options.undo ? 10_000 : 5000)
  return id
}

export function closeToast(id: number): void {
  set(toasts.filter((one) => one.id !== id))
}

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    () => toasts,
  )
}

function set(next: readonly Toast[]): void {
  toasts = next
  for (const watcher of watchers) watcher()
}
