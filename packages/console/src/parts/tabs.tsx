import { Link } from '@tanstack/react-router'
import { type ReactNode, useLayoutEffect, useRef } from 'react'
import { type Search, useUrlState } from './url-state.ts'
import './tabs.css'

export interface Tab {
  /** What stands in the address: `?tab=logs`. The first tab is not written. */
  id: string
  label: string
  count?: number
  content: () => ReactNode
}

/** Tabs that live in the address; only the one that is shown is drawn. Arrow keys move, as in any list of tabs. */
export function Tabs({ tabs, label, name = 'tab' }: { tabs: readonly Tab[]; label: string; name?: string }): ReactNode {
  const [current, setCurrent] = useUrlState(name, tabs[0]!.id)
  const shown = tabs.find(({ id }) => id === current) ?? tabs[0]!
  const list = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => showTab(list.current, shown.id), [shown.id])
  const move = (event: React.KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (step === undefined) return
    const next = (tabs.indexOf(shown) + step + tabs.length) % tabs.length
    setCurrent(tabs[next]!.id)
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus()
  }
  return (
    <>
      <div className="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
        {tabs.map(({ id, label, count }) => (
          <Link
            key={id}
            to="."
            search={((now: Search) => ({ ...now, [name]: id === tabs[0]!.id ? undefined : id })) as never}
            resetScroll={false}
            role="tab"
            id={`${name}-${id}`}
            aria-selected={id === shown.id}
            aria-controls={`${name}-panel`}
            tabIndex={id === shown.id ? 0 : -1}
            className="tab"
          >
            {label}
            {count !== undefined && <span className="tab-count number">{count}</span>}
          </Link>
        ))}
      </div>
      <div role="tabpanel" id={`${name}-panel`} aria-labelledby={`${name}-${shown.id}`} className="tab-panel">
        {shown.content()}
      </div>
    </>
  )
}

/** Scrolls a strip that is too narrow for its tabs, and nothing else, so that the tab and a part of the next are in sight. */
function showTab(list: HTMLElement | null, id: string): void {
  const tab = list?.querySelector<HTMLElement>(`[role=tab][id$="-${id}"]`)
  if (!list || !tab || list.scrollWidth <= list.clientWidth) return
  const left = tab.offsetLeft - list.offsetLeft
  list.scrollLeft = left - (list.clientWidth - tab.offsetWidth) / 2
}
