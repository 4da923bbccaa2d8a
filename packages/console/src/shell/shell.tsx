import { Link, Outlet, useRouterState } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useEffect, useState, useSyncExternalStore } from 'react'
import { startLive } from '../api/live.ts'
import { onSessionChange, sessionEnded } from '../api/session.ts'
import { Icon } from '../parts/icon.tsx'
import { Banner } from './banner.tsx'
import { useKeyboard } from './keyboard.ts'
import { places } from './places.ts'
import { Toasts } from './toasts.tsx'
import { TopBar } from './top-bar.tsx'
import './shell.css'

const Palette = lazy(() => import('./palette.tsx').then(({ Palette }) => ({ default: Palette })))
const KeyboardHelp = lazy(() => import('./keyboard-help.tsx').then(({ KeyboardHelp }) => ({ default: KeyboardHelp })))
const SignInAgain = lazy(() => import('./sign-in-again.tsx').then(({ SignInAgain }) => ({ default: SignInAgain })))

/** The bars around every page, and what can lie over it. */
export function Shell(): ReactNode {
  const [over, setOver] = useState<'palette' | 'keys' | null>(null)
  const expired = useSyncExternalStore(onSessionChange, sessionEnded)
  useEffect(() => startLive(), [])
  useKeyboard({ openPalette: () => setOver('palette'), openHelp: () => setOver('keys') })
  return (
    <div className="shell">
      <a href="#content" className="skip-link">
        Skip to content
      </a>
      <TopBar openPalette={() => setOver('palette')} openHelp={() => setOver('keys')} />
      <SideBar />
      <main id="content" className="content" tabIndex={-1}>
        <Banner />
        <Suspense>
          <Outlet />
        </Suspense>
      </main>
      <Toasts />
      <Suspense>
        {over === 'palette' && <Palette onClose={() => setOver(null)} />}
        {over === 'keys' && <KeyboardHelp onClose={() => setOver(null)} />}
        {expired && <SignInAgain />}
      </Suspense>
    </div>
  )
}

function SideBar(): ReactNode {
  const path = useRouterState({ select: (state) => state.location.pathname })
  return (
    <nav className="side-bar" aria-label="Main">
      {places.map(({ label, to, icon }) => {
        const here = to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`)
        return (
          <Link key={to} to={to as never} className="side-link" aria-current={here ? 'page' : undefined}>
            <Icon name={icon} />
            <span>{label}</span>
          </Link>
        )
      })}
    </nav>
  )
}
