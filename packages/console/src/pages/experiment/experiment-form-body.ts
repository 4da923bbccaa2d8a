import { createExperiment, type Experiment, type experimentRole } from '@nabla/api/experiment'
import { z } from 'zod'
import { jobFields } from '../job/job-form-body.ts'

/** What can be made in the builder. */
export type BuiltKind = 'single' | 'multi-node'

const note = z.string().max(100_000).default('')
const [, multiNode] = createExperiment.options
const { command: _, ...common } = jobFields.shape

/** Fields of the form but its files; those of the other kind are left aside, and kept. */
export const fieldsOfKind = {
  single: z.object({ ...jobFields.shape, note }),
  'multi-node': z.object({
    ...common,
    note,
    scheme: multiNode.shape.scheme,
    roles: multiNode.shape.roles,
    startLimitSeconds: multiNode.shape.startLimitSeconds,
  }),
}

export type RoleFields = z.input<typeof experimentRole>

export type ExperimentFields = Partial<z.input<(typeof fieldsOfKind)['multi-node']>> & { command?: string }

/** What the form is filled in with from an experiment; it gets a name of its own. */
export function fieldsOf({ spec, project, tags, note: written }: Experiment): ExperimentFields {
  const { kind: _kind, workspace: _workspace, ...fields } = spec
  return { ...(fields as ExperimentFields), project: project.name, tags, note: written }
}
