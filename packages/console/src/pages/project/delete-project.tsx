import type { Project } from '@nabla/api/project'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useAction } from '../../parts/action.ts'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { formatBytes, formatCount, plural } from '../../parts/format.ts'

/** Says what a project takes with it, and deletes it. */
export function DeleteProject(props: { project: Project; onClose: () => void; onDeleted?: () => void }): ReactNode {
  const { onClose, onDeleted } = props
  const { id, name } = props.project
  const would = useApi('project', 'delete', { project: id, dryRun: 'true' })
  const action = useAction({
    run: async () => {
      const gone = await client.project.delete({ project: id })
      onDeleted?.()
      return gone
    },
    done: () => `Deleted project ${name}`,
    changes: ['project', 'job'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`project ${name}`}
      name={name}
      takes={would.data && whatGoes(would.data)}
      action={action}
      command={`project delete ${name}`}
      onClose={onClose}
    />
  )
}

function whatGoes(would: { jobs: number; activeJobs: number; artifactBytes: number }): string[] {
  if (would.jobs === 0) return []
  const active = would.activeJobs > 0 ? `, ${formatCount(would.activeJobs)} of them stopped for it` : ''
  return [plural(would.jobs, 'job') + active, `${formatBytes(would.artifactBytes)} of artifacts`]
}
