import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { addFinder } from '../../shell/palette-registry.ts'
import { shellRoute } from '../../shell/routes.ts'
import { sectionGroups } from './sections.ts'

const frame = createRoute({
  getParentRoute: () => shellRoute,
  path: '/settings',
  component: lazyRouteComponent(() => import('./settings-page.tsx'), 'SettingsPage'),
})

const inFrame = <Path extends string>(path: Path, component: ReturnType<typeof lazyRouteComponent>) =>
  createRoute({ getParentRoute: () => frame, path, component })

const first = createRoute({
  getParentRoute: () => frame,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/settings/account', replace: true })
  },
})

/** The settings: one page for each section, in one frame. Each noun has its page in its own folder. */
export const settingsRoutes = [
  frame.addChildren([
    first,
    inFrame(
      'account',
      lazyRouteComponent(() => import('../user/account-page.tsx'), 'AccountPage'),
    ),
    inFrame(
      'keys',
      lazyRouteComponent(() => import('../key/key-list-page.tsx'), 'KeyListPage'),
    ),
    inFrame(
      'appearance',
      lazyRouteComponent(() => import('./appearance-page.tsx'), 'AppearancePage'),
    ),
    inFrame(
      'members',
      lazyRouteComponent(() => import('../team/member-list-page.tsx'), 'MemberListPage'),
    ),
    inFrame(
      'teams',
      lazyRouteComponent(() => import('../team/team-list-page.tsx'), 'TeamListPage'),
    ),
    inFrame(
      'secrets',
      lazyRouteComponent(() => import('../secret/secret-list-page.tsx'), 'SecretListPage'),
    ),
    inFrame(
      'registries',
      lazyRouteComponent(() => import('../registry/registry-list-page.tsx'), 'RegistryListPage'),
    ),
    inFrame(
      'model-keys',
      lazyRouteComponent(() => import('../model/model-keys-page.tsx'), 'ModelKeysPage'),
    ),
    inFrame(
      'retention',
      lazyRouteComponent(() => import('../artifact/retention-page.tsx'), 'RetentionPage'),
    ),
    inFrame(
      'machine-types',
      lazyRouteComponent(() => import('../machine-type/machine-type-page.tsx'), 'MachineTypePage'),
    ),
    inFrame(
      'health',
      lazyRouteComponent(() => import('./health-page.tsx'), 'HealthPage'),
    ),
    inFrame(
      'about',
      lazyRouteComponent(() => import('./about-page.tsx'), 'AboutPage'),
    ),
  ]),
] as const

const entries = sectionGroups.flatMap(({ sections }) =>
  sections.map(({ label, to, words }) => ({ group: 'Settings', label, to, words, icon: 'settings' as const })),
)

addFinder((text) => {
  const wanted = text.toLowerCase()
  const found = entries.filter(({ label, words }) => `settings ${label} ${words}`.toLowerCase().includes(wanted))
  return Promise.resolve(text === '' ? [] : found.map((entry) => ({ ...entry, words: '' })))
})
