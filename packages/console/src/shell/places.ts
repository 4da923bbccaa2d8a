import type { IconName } from '../parts/icon.tsx'

export interface Place {
  label: string
  to: string
  icon: IconName
  /** Further pages that belong there. */
  also?: readonly string[]
  /** `g` and this letter go there. */
  key: string
  /** Stands in the bar of a phone itself, not in its menu of more. */
  first?: true
}

/** What stands at the left, or at the bottom of a phone: a place comes with its page, so no link is dead. */
export const places: readonly Place[] = [
  { label: 'Home', to: '/', icon: 'home', key: 'h', first: true },
  { label: 'Projects', to: '/projects', icon: 'folder', key: 'p', first: true },
  { label: 'Notebooks', to: '/notebooks', icon: 'file', key: 'n' },
  { label: 'Jobs', to: '/jobs', icon: 'job', key: 'j', first: true },
  {
    label: 'Experiments',
    to: '/experiments',
    also: ['/sweeps', '/runs', '/tensorboards'],
    icon: 'chart',
    key: 'e',
    first: true,
  },
  { label: 'Workflows', to: '/workflows', icon: 'flow', key: 'w' },
  { label: 'Data', to: '/data', icon: 'data', key: 'd' },
  { label: 'Models', to: '/models', icon: 'model', key: 'l' },
  { label: 'Deployments', to: '/deployments', icon: 'deploy', key: 'y' },
  { label: 'Machines', to: '/machines', icon: 'machine', key: 'm' },
  { label: 'Settings', to: '/settings', icon: 'settings', key: 's' },
]
