import { Menu, UnstyledButton, useMantineColorScheme } from '@mantine/core'
import { Link, useRouter } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { retryLive, startLive, useLiveState } from '../api/live.ts'
import { queries, useApi } from '../api/query.ts'
import { signOut, switchTeam } from '../api/session.ts'
import { useAction } from '../parts/action.ts'
import { Icon, type IconName } from '../parts/icon.tsx'
import { quote } from '../parts/quote.ts'

/** The mark, the team, the field that finds all, the connection, help and who one is. */
export function TopBar({ openPalette, openHelp }: { openPalette: () => void; openHelp: () => void }): ReactNode {
  return (
    <header className="top-bar">
      <div className="top-left">
        <Link to="/" className="mark" aria-label="Nabla, home">
          <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true">
            <path d="M2.2 3h11.6L8 13.4Z" fill="none" stroke="currentColor" strokeWidth="1.9" strokeLinejoin="round" />
          </svg>
        </Link>
        <TeamMenu />
      </div>
      <UnstyledButton className="finder" onClick={openPalette}>
        <Icon name="search" size={14} />
        <span className="grow ellipsis">Search or do</span>
        <kbd className="only-wide" aria-hidden="true">
          {isMac ? '⌘K' : 'Ctrl K'}
        </kbd>
      </UnstyledButton>
      <div className="top-right">
        <LiveMark />
        <UnstyledButton
          className="icon-button only-wide"
          onClick={openHelp}
          aria-label="Keyboard help"
          title="Keyboard (?)"
        >
          <Icon name="help" />
        </UnstyledButton>
        <PersonMenu />
      </div>
    </header>
  )
}

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent)

function TeamMenu(): ReactNode {
  const me = useApi('user', 'me', {})
  const teams = useApi('team', 'list', { limit: 200 })
  const change = useAction({
    run: async (team: string) => {
      await switchTeam(team)
      // Nothing of the other team may be left, and what happens is heard of this one.
      window.location.assign('/')
    },
  })
  const mine = me.data?.team
  return (
    <Menu position="bottom-start" width={220}>
      <Menu.Target>
        <UnstyledButton className="team" aria-label={`Team ${mine?.name ?? ''}`}>
          <span className="ellipsis" dir="auto">
            {mine?.name ?? '…'}
          </span>
          <Icon name="down" size={12} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Teams</Menu.Label>
        {(teams.data?.items ?? []).map(({ id, name, role }) => (
          <Menu.Item
            key={id}
            title={`nabla team use ${quote(name)}`}
            onClick={() => id === mine?.id || void change.run(id)}
            rightSection={id === mine?.id ? <Icon name="check" size={14} /> : <span className="faint">{role}</span>}
          >
            {name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item component={Link} to="/settings/teams" leftSection={<Icon name="people" size={14} />}>
          Teams and members
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

function LiveMark(): ReactNode {
  const { is } = useLiveState()
  const words = { connecting: 'connecting', live: 'live', paused: 'paused', offline: 'offline' }
  return (
    <UnstyledButton
      className={`live live-${is}`}
      onClick={retryLive}
      title={is === 'live' ? 'This page keeps itself up to date' : 'Try to connect now'}
      aria-label={`Connection: ${words[is]}`}
    >
      <span className="live-dot" aria-hidden="true" />
      <span className="only-wide">{words[is]}</span>
    </UnstyledButton>
  )
}

const themes: readonly ['auto' | 'light' | 'dark', string, IconName][] = [
  ['auto', 'As the system', 'settings'],
  ['light', 'Light', 'sun'],
  ['dark', 'Dark', 'moon'],
]

function PersonMenu(): ReactNode {
  const me = useApi('user', 'me', {})
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true })
  const router = useRouter()
  const leave = useAction({
    run: async () => {
      await signOut()
      startLive()()
      queries.clear()
      await router.navigate({ to: '/sign-in' })
    },
  })
  const name = me.data?.user.name ?? ''
  return (
    <Menu width={200}>
      <Menu.Target>
        <UnstyledButton className="person" aria-label={`Account of ${name}`}>
          {name.slice(0, 1).toUpperCase() || '·'}
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {name} · {me.data?.role}
        </Menu.Label>
        {themes.map(([value, label, icon]) => (
          <Menu.Item
            key={value}
            closeMenuOnClick={false}
            leftSection={<Icon name={icon} size={14} />}
            rightSection={colorScheme === value ? <Icon name="check" size={14} /> : null}
            onClick={() => setColorScheme(value)}
          >
            {label}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item component={Link} to="/settings/account" leftSection={<Icon name="settings" size={14} />}>
          Settings
        </Menu.Item>
        <Menu.Item component="a" href="/docs" target="_blank" leftSection={<Icon name="external" size={14} />}>
          API reference
        </Menu.Item>
        <Menu.Item leftSection={<Icon name="exit" size={14} />} onClick={() => void leave.run(undefined)}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
