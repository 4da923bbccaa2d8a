import type { Model } from '@nabla/api/model'
import type { Action } from '../../parts/action.ts'

/** What can be done with a model as a whole. */
export function modelActions({ name, aliases }: Model, open: (form: 'change' | 'delete') => void): Action[] {
  const [alias] = Object.keys(aliases)
  return [
    {
      label: 'Rename, note or tag',
      icon: 'edit',
      command: `model update ${name} --name NAME`,
      run: () => open('change'),
    },
    {
      label: 'Delete',
      icon: 'trash',
      danger: true,
      command: `model delete ${name}`,
      unavailable: alias === undefined ? undefined : `${name}@${alias} leads to it: take its aliases away first.`,
      run: () => open('delete'),
    },
  ]
}
