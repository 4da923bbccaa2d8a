import { type DeploymentSpec, deploymentSpec, type HealthChecks } from '@nabla/api/deployment'
import type { RevisionRow } from '../../db/deployment-tables.ts'
import type { NewTask } from '../../tasks/task.ts'

/** What a revision keeps: its spec, and what its tasks are made of, fixed when it was made. */
export interface StoredRevision {
  spec: DeploymentSpec
  task: Omit<NewTask, 'attempt' | 'ownerId' | 'teamId'>
  /** Its tasks have ports of their own: each may listen on the same one. */
  ownPorts: boolean
  /** Text of files that the tasks find in `/generated`, by name. */
  files: Record<string, string>
}

/** Parses the `spec` column. */
export function readRevision(row: Pick<RevisionRow, 'spec'>): StoredRevision {
  const stored = JSON.parse(row.spec) as StoredRevision
  return { ...stored, spec: deploymentSpec.parse(stored.spec) }
}

/** Whether two instances cannot be at one time: both would listen on the same port of the machine. */
export const isAlone = ({ spec, ownPorts }: StoredRevision): boolean => spec.port !== null && !ownPorts

/** How its instances are asked how they are: the built-in server says itself where. */
export function checksOf({ command, healthChecks }: Pick<DeploymentSpec, 'command' | 'healthChecks'>): HealthChecks {
  const { readiness, liveness } = healthChecks
  if (command !== null || readiness.path !== null) return healthChecks
  return {
    ...healthChecks,
    readiness: { ...readiness, path: '/v2/health/ready' },
    liveness: liveness ?? { ...readiness, path: '/v2/health/live' },
  }
}
