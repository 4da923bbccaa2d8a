import type { Project } from '@nabla/api/project'
import type { Action } from '../../parts/action.ts'
import { quote } from '../../parts/quote.ts'

/** What can be done with a project: in its row, on its page and in the palette. */
export function projectActions({ name }: Project, open: (form: 'change' | 'delete') => void): Action[] {
  return [
    {
      label: 'Rename or tag',
      icon: 'edit',
      command: `project update ${quote(name)} --name NAME`,
      run: () => open('change'),
    },
    {
      label: 'Delete',
      icon: 'trash',
      danger: true,
      command: `project delete ${quote(name)}`,
      run: () => open('delete'),
    },
  ]
}
