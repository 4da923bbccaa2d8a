import type { Secret } from '@nabla/api/secret'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { quote } from '../../parts/quote.ts'

/** Of which project it is, as on the command line; '' if it is one of the team. */
export const scopeFlag = ({ project }: Secret): string => (project ? ` --project ${quote(project.name)}` : '')

/** Asks before a secret is deleted. */
export function DeleteSecret({ secret, onClose }: { secret: Secret; onClose: () => void }): ReactNode {
  const { name, project } = secret
  const action = useAction({
    run: () => client.secret.delete({ name, ...(project && { project: project.id }) }),
    done: () => `Deleted secret ${name}`,
    changes: ['secret'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`secret ${name}`}
      name={name}
      takes={[]}
      note="Jobs that name it can no longer start. Its value cannot be brought back."
      action={action}
      command={`secret delete ${name}${scopeFlag(secret)}`}
      onClose={onClose}
    />
  )
}
