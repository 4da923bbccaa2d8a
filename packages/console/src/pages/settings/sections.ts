export interface Section {
  label: string
  to: string
  /** More words by which the palette finds it. */
  words: string
}

/** What the settings hold, in groups: what is one's own, the team's, the server's. */
export const sectionGroups: readonly { title: string; sections: readonly Section[] }[] = [
  {
    title: 'You',
    sections: [
      { label: 'Account', to: '/settings/account', words: 'name password sessions browsers' },
      { label: 'Keys', to: '/settings/keys', words: 'API key token login' },
      { label: 'Appearance', to: '/settings/appearance', words: 'theme dark light density times' },
    ],
  },
  {
    title: 'Team',
    sections: [
      { label: 'Members', to: '/settings/members', words: 'people roles admin' },
      { label: 'Teams', to: '/settings/teams', words: 'quota storage rename' },
      { label: 'Secrets', to: '/settings/secrets', words: 'variables tokens' },
      { label: 'Registries', to: '/settings/registries', words: 'images container login docker' },
      { label: 'Model keys', to: '/settings/model-keys', words: 'signatures signed trusted' },
      { label: 'Retention', to: '/settings/retention', words: 'artifacts kept deleted' },
    ],
  },
  {
    title: 'Server',
    sections: [
      { label: 'Machine types', to: '/settings/machine-types', words: 'cpus memory gpus' },
      { label: 'Health', to: '/settings/health', words: 'doctor findings engine store' },
      { label: 'About', to: '/settings/about', words: 'version API reference OpenAPI' },
    ],
  },
]
