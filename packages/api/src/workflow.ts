import { z } from 'zod'
import { displayName, flag, id, tags, time } from './fields.ts'
import { pageOf, pageQuery, route } from './route.ts'
import { workflowActions, workflowInputs, workflowSpec } from './workflow-spec.ts'
import { workflowJobState, workflowRunState } from './workflow-state.ts'

const named = z.object({ id, name: displayName })

export const workflowOutput = z
  .object({
    name: z.string(),
    type: z.enum(['dataset', 'volume', 'string', 'model']),
    state: z.enum(['preparing', 'ready', 'failed']),
    reason: z.string().nullable(),
    value: z.string().nullable().describe('Of a string, once it is there; its first 1,000 characters.'),
    reference: z.string().nullable().describe('Of a dataset or a model: `name:version`, once it is there.'),
    files: z.number().int(),
    sizeBytes: z.number().int(),
  })
  .meta({ id: 'WorkflowOutput' })

export type WorkflowOutput = z.infer<typeof workflowOutput>

export const workflowJob = z
  .object({
    name: z.string(),
    uses: z.enum(workflowActions),
    needs: z.array(z.string()).describe('The jobs that must have succeeded before it begins.'),
    state: workflowJobState,
    reason: z.string().nullable().describe('Why it is in this state, in a sentence, where there is more to say.'),
    job: named.nullable().describe('The job that does it; null: not begun, deleted, or done by the server itself.'),
    outputs: z.array(workflowOutput),
    startedAt: time.nullable(),
    endedAt: time.nullable(),
  })
  .meta({ id: 'WorkflowJob' })

export type WorkflowJob = z.infer<typeof workflowJob>

export const workflowRunSummary = z
  .object({
    id,
    number: z.number().int().describe('1, 2, 3, … within its workflow.'),
    workflow: named,
    project: named,
    state: workflowRunState,
    reason: z.string().nullable(),
    jobs: z.object({ total: z.number().int(), ended: z.number().int() }),
    startedBy: named,
    rerunOf: z.number().int().nullable().describe('The run that this is another go of.'),
    createdAt: time,
    startedAt: time.nullable(),
    endedAt: time.nullable(),
  })
  .meta({ id: 'WorkflowRunSummary' })

export type WorkflowRunSummary = z.infer<typeof workflowRunSummary>

export const workflowRun = workflowRunSummary
  .omit({ jobs: true })
  .extend({
    spec: workflowSpec.describe('As it was when the run was begun.'),
    inputs: z.record(z.string(), z.string()).describe('What the inputs of the workflow are: texts, `name:version`.'),
    jobs: z.array(workflowJob),
    stopRequestedAt: time.nullable(),
  })
  .meta({ id: 'WorkflowRun' })

export type WorkflowRun = z.infer<typeof workflowRun>

export const workflow = z
  .object({
    id,
    name: displayName,
    project: named,
    tags,
    runs: z.number().int(),
    latest: workflowRunSummary.nullable().describe('Its newest run.'),
    createdBy: named,
    createdAt: time,
  })
  .meta({ id: 'Workflow' })

export type Workflow = z.infer<typeof workflow>

const byWorkflow = z.object({
  workflow: z.string().min(1).max(200).describe('Id or name of the workflow; a name means its newest.'),
})
const byRun = byWorkflow.extend({ number: z.coerce.number().int().min(0).describe('Number of the run.') })

const projectField = z
  .string()
  .min(1)
  .max(200)
  .describe('Name or id of the project; a name that is not there yet makes the project.')

const runErrors = [
  'not_found',
  'unknown_machine_type',
  'image_not_supported',
  'unknown_secret',
  'unknown_version',
  'conflict',
  'disk_full',
] as const

export const workflowRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/workflows',
    about: 'The workflows of the team, newest first.',
    access: 'member',
    query: pageQuery.extend({
      project: z.string().max(200).optional().describe('Only those of this project (name or id).'),
      name: z.string().max(100).optional().describe('Only those whose name begins so.'),
      tag: z.string().max(60).optional().describe('Only those with this tag.'),
    }),
    response: pageOf(workflow),
    errors: ['not_found'],
  }),
  create: route({
    method: 'POST',
    path: '/api/v1/workflows',
    about: 'Makes a workflow without runs.',
    access: 'member',
    body: z.strictObject({ name: displayName, project: projectField, tags: tags.default([]) }),
    response: workflow,
    errors: ['name_taken', 'not_found'],
  }),
  show: route({
    method: 'GET',
    path: '/api/v1/workflows/:workflow',
    about: 'One workflow.',
    access: 'member',
    params: byWorkflow,
    response: workflow,
    errors: ['not_found'],
  }),
  update: route({
    method: 'PATCH',
    path: '/api/v1/workflows/:workflow',
    about: 'Renames a workflow, or replaces its tags.',
    access: 'member',
    params: byWorkflow,
    body: z.strictObject({ name: displayName.optional(), tags: tags.optional() }),
    response: workflow,
    errors: ['not_found', 'name_taken'],
  }),
  delete: route({
    method: 'DELETE',
    path: '/api/v1/workflows/:workflow',
    about: 'Deletes a workflow with its runs and their jobs. Datasets and models that they made stay.',
    access: 'member',
    params: byWorkflow,
    query: z.object({ force: flag.default(false).describe('Also one with a run that has not ended: it is stopped.') }),
    response: z.object({ deleted: z.literal(true) }),
    errors: ['not_found', 'conflict'],
  }),
  run: route({
    method: 'POST',
    path: '/api/v1/workflows/:workflow/runs',
    about: 'Begins a run. Once this has answered, the run is stored, with its spec, and will be carried through.',
    access: 'member',
    params: byWorkflow,
    body: z.strictObject({
      spec: workflowSpec.optional().describe('What is to be run; that of the newest run if left out.'),
      inputs: workflowInputs.default({}).describe('What its inputs are, in place of what the spec says.'),
    }),
    response: workflowRun,
    errors: runErrors,
  }),
  runs: route({
    method: 'GET',
    path: '/api/v1/workflows/:workflow/runs',
    about: 'The runs of a workflow, newest first.',
    access: 'member',
    params: byWorkflow,
    query: pageQuery,
    response: pageOf(workflowRunSummary),
    errors: ['not_found'],
  }),
  showRun: route({
    method: 'GET',
    path: '/api/v1/workflows/:workflow/runs/:number',
    about: 'One run, with its jobs.',
    access: 'member',
    params: byRun,
    response: workflowRun,
    errors: ['not_found'],
  }),
  stopRun: route({
    method: 'POST',
    path: '/api/v1/workflows/:workflow/runs/:number/stop',
    about: 'Asks all jobs of a run to end, and begins no more. Nothing happens if it has ended.',
    access: 'member',
    params: byRun,
    body: z.strictObject({ graceSeconds: z.number().min(0).max(3600).default(10) }),
    response: workflowRun,
    errors: ['not_found'],
  }),
  rerun: route({
    method: 'POST',
    path: '/api/v1/workflows/:workflow/runs/:number/rerun',
    about: 'Begins another run with the same spec and the same inputs.',
    access: 'member',
    params: byRun,
    body: z.strictObject({
      fromFailed: z
        .boolean()
        .default(false)
        .describe('Jobs that succeeded are not run again: what they left is taken.'),
    }),
    response: workflowRun,
    errors: runErrors,
  }),
}
