import type { NewTask } from '../../tasks/task.ts'
import type { LoadedInstance } from './planned.ts'
import { readRevision } from './stored.ts'

/** How a task of an instance looks. Pure. */
export function taskOf(row: LoadedInstance, attempt: number): NewTask {
  const { spec, task, files } = readRevision({ spec: row.revisionSpec })
  const port = String(row.port)
  const own = {
    NABLA_DEPLOYMENT_ID: row.deploymentId,
    NABLA_DEPLOYMENT_NAME: row.deploymentName,
    NABLA_INSTANCE_ID: row.id,
    NABLA_INSTANCE_NAME: row.name,
    NABLA_REVISION: String(row.revision),
    NABLA_ATTEMPT: String(attempt),
  }
  const env = {
    ...own,
    ...task.request.env,
    ...(spec.port === null ? { PORT: port } : { PORT: port, ...task.request.env }),
  }
  const gang = { id: row.id, size: 1, hostname: row.name, hosts: {}, files }
  const hasFiles = Object.keys(files).length > 0
  return {
    ...task,
    teamId: row.teamId,
    ownerId: row.id,
    attempt,
    request: { ...task.request, env, ports: [row.port], ...(hasFiles && { gang }) },
  }
}
