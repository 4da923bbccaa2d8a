import { Menu, UnstyledButton } from '@mantine/core'
import { Link, Outlet, useRouterState } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useEffect, useState, useSyncExternalStore } from 'react'
import { startLive } from '../api/live.ts'
import { onSessionChange, sessionEnded } from '../api/session.ts'
import { Icon } from '../parts/icon.tsx'
import { Banner } from './banner.tsx'
import { useKeyboard } from './keyboard.ts'
import { type Place, places } from './places.ts'
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
  const isBelow = (to: string) => path === to || (to !== '/' && path.startsWith(`${to}/`))
  const isHere = ({ to, also = [] }: Place) => [to, ...also].some(isBelow)
  const more = places.filter(({ first }) => first === undefined)
  return (
    <nav className="side-bar" aria-label="Main">
      {places.map((place) => (
        <Link
          key={place.to}
          to={place.to as never}
          className={place.first ? 'side-link' : 'side-link side-link-more'}
          aria-current={isHere(place) ? 'page' : undefined}
        >
          <Icon name={place.icon} />
          <span>{place.label}</span>
        </Link>
      ))}
      <Menu position="top-end" width={180}>
        <Menu.Target>
          <UnstyledButton className="side-link side-more" data-here={more.some(isHere) || undefined}>
            <Icon name="more" />
            <span>More</span>
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          {more.map((place) => (
            <Menu.Item
              key={place.to}
              component={Link}
              to={place.to}
              leftSection={<Icon name={place.icon} size={14} />}
              aria-current={isHere(place) ? 'page' : undefined}
            >
              {place.label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </nav>
  )
}
