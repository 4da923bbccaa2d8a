import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, useState } from 'react'

export interface TableKeys {
  /** Place of the row that the keys act on; -1 before the first key. */
  current: number
  onKeyDown: (event: KeyboardEvent) => void
}

const steps: Record<string, number> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }

/** The keys of a table: `j k` and arrows move, `enter` opens, `x` selects, `.` shows what can be done. */
export function useTableKeys(given: {
  count: number
  href: ((place: number) => string) | undefined
  show: (place: number) => void
  select: ((place: number) => void) | undefined
  openMenu: ((place: number) => void) | undefined
  clear: () => void
}): TableKeys {
  const [current, setCurrent] = useState(-1)
  const navigate = useNavigate()
  const isRow = current >= 0 && current < given.count
  const onKeyDown = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement
    if (event.metaKey || event.ctrlKey || event.altKey) return
    if (target.closest('input:not([type=checkbox]),[role=menu]')) return
    const step = steps[event.key]
    if (step !== undefined) {
      const next = Math.min(given.count - 1, Math.max(0, current + step))
      setCurrent(next)
      given.show(next)
    } else if (event.key === 'x' && isRow && given.select) given.select(current)
    else if (event.key === '.' && isRow && given.openMenu) given.openMenu(current)
    else if (event.key === 'Enter' && isRow && given.href && target === event.currentTarget) {
      void navigate({ to: given.href(current) as never })
    } else if (event.key === 'Escape') given.clear()
    else return
    event.preventDefault()
  }
  return { current, onKeyDown }
}
