import type { ExperimentRole, ExperimentSpec } from '@nabla/api/experiment'
import { jobSpec, type JobSpec } from '@nabla/api/job'
import type { Submission } from '../job/submit.ts'
import { commandOf } from './rendezvous.ts'

/** What the nodes of one role run. Of a single node there is one role, without a name of its own. */
export interface RoleSpec {
  role: string
  spec: JobSpec
}

/** The roles of an experiment, each as the spec of a job. Pure. */
export function rolesOf(experiment: ExperimentSpec): RoleSpec[] {
  const { kind } = experiment
  const common = jobFields(experiment)
  // A sweep whose trials others run has no command, and no jobs.
  if (kind === 'sweep') return [{ role: 'worker', spec: jobSpec.parse({ command: 'true', ...common }) }]
  if (kind !== 'multi-node') return [{ role: 'worker', spec: jobSpec.parse(common) }]
  return experiment.roles.map((role) => ({ role: role.name, spec: jobSpec.parse(ofRole(experiment, common, role)) }))
}

function ofRole(
  experiment: Extract<ExperimentSpec, { kind: 'multi-node' }>,
  common: Record<string, unknown>,
  { name, command, image, machineType, env }: ExperimentRole,
): Record<string, unknown> {
  return {
    ...common,
    command: commandOf(experiment.scheme, name, command),
    ...(image === undefined ? {} : { image }),
    ...(machineType === undefined ? {} : { machineType }),
    env: { ...experiment.env, ...env },
    // A gang is tried again as a whole.
    retries: 0,
  }
}

/** The fields that an experiment has in common with a job. */
function jobFields(experiment: ExperimentSpec): Record<string, unknown> {
  const names = Object.keys(jobSpec.shape)
  return Object.fromEntries(Object.entries(experiment).filter(([name]) => names.includes(name)))
}

/** What is asked for to check a role, or to make a job of one of its nodes. */
export function submissionOf(
  { spec }: RoleSpec,
  more: Pick<Submission, 'project' | 'tags'> & Partial<Submission>,
): Submission {
  return { ...spec, ...more }
}

/**
 * The spec as it is kept: what was chosen for a role goes for all of them, so versions of data and files are the same
 * whenever a job is made of it, and passwords are gone.
 */
export function pinned(experiment: ExperimentSpec, chosen: JobSpec): ExperimentSpec {
  const own = new Set(['command', 'image', 'machineType', 'env', 'retries'])
  const kept = Object.entries(chosen).filter(([name]) => !own.has(name))
  return { ...experiment, ...Object.fromEntries(kept) }
}
