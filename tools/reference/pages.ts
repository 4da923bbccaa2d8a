import { apiPage } from './api.ts'
import { callsTable } from './calls.ts'
import { cliPage } from './cli.ts'
import { errorsPage } from './errors.ts'
import { exitCodesPage } from './exit-codes.ts'
import { settingsPage } from './settings.ts'

export interface ReferencePage {
  /** Path from the root of the repository. */
  path: string
  render: () => string
}

/** Every page of the reference, and every table, that is written from the code. */
export const pages: readonly ReferencePage[] = [
  { path: 'packages/api/src/calls.json', render: callsTable },
  { path: 'docs/reference/api.md', render: apiPage },
  { path: 'docs/reference/cli.md', render: cliPage },
  { path: 'docs/reference/errors.md', render: errorsPage },
  { path: 'docs/reference/settings.md', render: settingsPage },
  { path: 'docs/reference/exit-codes.md', render: exitCodesPage },
]
