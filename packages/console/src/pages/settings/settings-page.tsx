import { Link, Outlet, useRouterState } from '@tanstack/react-router'
import { type ReactNode, Suspense, useEffect, useRef } from 'react'
import { PageHeader } from '../../parts/page-header.tsx'
import { Lines, Together } from '../../parts/states.tsx'
import { sectionGroups } from './sections.ts'
import './settings-page.css'

const sections = sectionGroups.flatMap((group) => group.sections)
const crumbs = [{ label: 'Settings', to: '/settings' }]

/** The frame of all settings: which there are, and the one that is shown. */
export function SettingsPage(): ReactNode {
  const path = useRouterState({ select: (state) => state.location.pathname })
  const here = sections.find(({ to }) => to === path)
  const nav = useRef<HTMLElement>(null)
  useEffect(() => {
    // On a phone the sections stand in one line that is longer than the screen.
    nav.current?.querySelector('[aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [path])
  return (
    <>
      <PageHeader title={here?.label ?? 'Settings'} crumbs={crumbs} />
      <div className="settings">
        <nav aria-label="Settings" className="settings-nav" ref={nav}>
          {sectionGroups.map((group) => (
            <div key={group.title} className="settings-group">
              <span className="settings-group-title only-wide">{group.title}</span>
              {group.sections.map(({ label, to }) => (
                <Link
                  key={to}
                  to={to as never}
                  className="settings-link"
                  aria-current={to === path ? 'page' : undefined}
                >
                  {label}
                </Link>
              ))}
            </div>
          ))}
        </nav>
        <div className="settings-body stack">
          <Together key={path}>
            <Suspense fallback={<Lines count={8} />}>
              <Outlet />
            </Suspense>
          </Together>
        </div>
      </div>
    </>
  )
}
