import type { Page } from 'playwright-core'

export interface Shot {
  /** Names the file. */
  name: string
  path: string
  signedIn?: boolean
  /** What to do before the picture is taken: open a dialog, choose a tab. */
  prepare?: (page: Page) => Promise<unknown>
}

/** Every page that `npm run shots` takes pictures of: at 1440 and 390 px, in light and in dark. */
export const shots: readonly Shot[] = [
  { name: 'sign-in', path: '/sign-in', signedIn: false },
  { name: 'home', path: '/' },
  { name: 'projects', path: '/projects' },
  { name: 'project', path: '/projects/speech?tab=activity' },
  {
    name: 'project-new',
    path: '/projects',
    prepare: (page) => page.getByRole('button', { name: 'New project' }).click(),
  },
  {
    name: 'palette',
    path: '/projects',
    async prepare(page) {
      await page.getByRole('button', { name: 'Search or do' }).click()
      await page.getByRole('combobox').fill('di')
    },
  },
]
