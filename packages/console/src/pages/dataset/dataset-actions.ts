import type { Dataset } from '@nabla/api/dataset'
import type { Action } from '../../parts/action.ts'

/** What can be done with a dataset as a whole. */
export function datasetActions({ name }: Dataset, open: (form: 'change' | 'delete') => void): Action[] {
  return [
    {
      label: 'Rename, describe or tag',
      icon: 'edit',
      command: `dataset update ${name} --name NAME`,
      run: () => open('change'),
    },
    { label: 'Delete', icon: 'trash', danger: true, command: `dataset delete ${name}`, run: () => open('delete') },
  ]
}
