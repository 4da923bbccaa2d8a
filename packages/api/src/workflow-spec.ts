import { z } from 'zod'
import { datasetReference } from './dataset.ts'
import { programText, variableName } from './fields.ts'
import { checkWorkflow, workflowLimits } from './workflow-check.ts'

/**
 * A workflow as it is written: the YAML of Gradient's workflows, see
 * https://docs.digitalocean.com/products/paperspace/workflows/reference/workflow-spec/ and
 * https://docs.digitalocean.com/products/paperspace/workflows/reference/gradient-actions/
 */

/** The name of a job, an input or an output: it stands in `JOB.outputs.NAME` and in `/inputs/NAME`. */
export const workflowWord = z
  .string()
  .min(1)
  .max(60)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'letters, digits, - and _, beginning with a letter or digit')

/** `workflow.inputs.NAME` or `JOB.outputs.NAME`. */
export const workflowAlias = z
  .string()
  .max(140)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]*\.(inputs|outputs)\.[A-Za-z0-9][A-Za-z0-9_-]*$/,
    'write `workflow.inputs.NAME`, `JOB.outputs.NAME`, or a `type` with what it needs',
  )

const scalar = z.union([programText.max(65_536), z.number(), z.boolean()])
const env = z.record(variableName, scalar).describe('Environment variables. A value may be `secret:NAME`.')
const resources = z.strictObject({
  'instance-type': z.string().min(1).max(100).optional().describe('A machine type: see `nabla machine-type list`.'),
})

/** By `ref`, or by `id`, which is what older files say. */
const datasetWith = z
  .strictObject({ ref: datasetReference.optional(), id: datasetReference.optional() })
  .refine(({ ref, id }) => (ref === undefined) !== (id === undefined), 'name the dataset with `ref`')

const datasetInput = z.strictObject({ type: z.literal('dataset'), with: datasetWith })
const stringInput = z.strictObject({ type: z.literal('string'), with: z.strictObject({ value: scalar }) })

/** Refused by name, for those who expect it: see `checkWorkflow`. */
const volumeInput = z.strictObject({ type: z.literal('volume'), with: z.unknown().optional() })

const inputTypes = 'the type is dataset or string; a volume comes from a job that has it as output: `JOB.outputs.NAME`'

/** An input of the workflow; without `with` a run has to say what it is. */
const workflowInput = z.discriminatedUnion(
  'type',
  [datasetInput.extend({ with: datasetWith.optional() }), stringInput.partial({ with: true }), volumeInput],
  inputTypes,
)

const jobInput = z.union(
  [workflowAlias, z.discriminatedUnion('type', [datasetInput, stringInput, volumeInput], inputTypes)],
  'write `workflow.inputs.NAME`, `JOB.outputs.NAME`, or a `type` (dataset, string) with what it needs',
)

const output = z.discriminatedUnion(
  'type',
  [
    z.strictObject({
      type: z.literal('dataset'),
      with: z
        .strictObject({
          ref: datasetReference.optional().describe('A dataset, made if it is not there; `NAME:TAG` moves the tag.'),
          id: datasetReference.optional(),
          inherit: z.boolean().optional().describe('Begin with the files of its latest version; what is new wins.'),
        })
        .refine(({ ref, id }) => (ref === undefined) !== (id === undefined), 'name the dataset with `ref`'),
    }),
    z.strictObject({ type: z.literal('volume') }),
    z.strictObject({ type: z.literal('string') }),
    z.strictObject({
      type: z.literal('model'),
      with: z.strictObject({
        name: z.string().min(1).max(100).describe('Of the model, which is made if it is not there.'),
        type: z.string().max(60).optional(),
      }),
    }),
  ],
  'the type is dataset, volume, string or model',
)

const words = z.union([programText.max(100_000), z.array(scalar).max(1000)])
const image = programText.min(1).max(500).optional().describe('An image; `host`, or none: the machine itself.')
const outputPath = programText
  .max(1000)
  .describe('A folder in `/outputs/NAME`; needed where there are several outputs.')

/** The actions there are, with what each takes. */
const actions = {
  'container@v1': z.strictObject({
    image,
    command: words.optional(),
    args: words.optional().describe('A list of words; a text is a shell line.'),
  }),
  'script@v1': z.strictObject({ image, script: programText.min(1).max(90_000) }),
  'git-checkout@v1': z.strictObject({
    url: programText.min(1).max(2000),
    ref: programText.min(1).max(500).optional(),
    username: programText.max(200).optional(),
    password: programText.max(2000).optional().describe('A token, as `secret:NAME`.'),
    path: outputPath.optional(),
  }),
  's3-download@v1': z.strictObject({
    url: programText.regex(/^s3:\/\//, 'an address such as s3://bucket/path/').max(4000),
    'access-key': programText.max(200),
    'secret-access-key': programText.regex(/^secret:/, 'a secret, as `secret:NAME`').max(200),
    region: z.string().max(100).optional(),
    endpoint: programText.max(500).optional(),
    path: outputPath.optional(),
  }),
  'create-model@v1': z.strictObject({
    name: z.string().min(1).max(100),
    type: z.string().max(60).optional(),
    notes: z.string().max(5000).optional(),
  }),
} as const

export type WorkflowAction = keyof typeof actions

export const workflowActions = Object.keys(actions) as [WorkflowAction, ...WorkflowAction[]]

const jobFields = {
  needs: z.union([workflowWord, z.array(workflowWord).max(workflowLimits.jobs)]).optional(),
  inputs: z.record(workflowWord, jobInput).optional(),
  outputs: z.record(workflowWord, output).optional(),
  env: env.optional(),
  resources: resources.optional(),
  timeout: z
    .union([z.number().int().min(1), z.string().regex(/^[1-9]\d{0,8}[smhd]?$/, 'seconds, or such as 30m, 12h, 2d')])
    .optional(),
}

const jobOf = <Name extends WorkflowAction>(uses: Name) =>
  z.strictObject({ uses: z.literal(uses), with: actions[uses], ...jobFields })

const job = z.discriminatedUnion(
  'uses',
  [
    jobOf('container@v1'),
    jobOf('script@v1'),
    jobOf('git-checkout@v1'),
    jobOf('s3-download@v1'),
    jobOf('create-model@v1'),
  ],
  `\`uses\` is one of ${workflowActions.join(', ')}`,
)

export const workflowSpec = z
  .strictObject({
    on: z.unknown().optional().describe('Not heeded: runs are begun by people and programs, not by pushes.'),
    defaults: z
      .strictObject({
        env: env.optional(),
        resources: resources.optional(),
        clusterId: z.string().max(100).optional().describe('Not heeded: there is one cluster, this server.'),
      })
      .optional(),
    inputs: z.record(workflowWord, workflowInput).optional(),
    jobs: z.record(workflowWord, job),
  })
  .superRefine((spec, context) => {
    for (const { path, message } of checkWorkflow(spec)) context.addIssue({ code: 'custom', path, message })
  })
  .meta({ id: 'WorkflowSpec' })

export type WorkflowSpec = z.output<typeof workflowSpec>
export type WorkflowJobSpec = WorkflowSpec['jobs'][string]
export type WorkflowOutputSpec = z.output<typeof output>
export type WorkflowJobInput = z.output<typeof jobInput>

/** What a run is given for an input of its workflow: a text, or a dataset by `ref`; Gradient's longer forms too. */
export const workflowInputs = z.record(
  workflowWord,
  z.union([
    scalar,
    z.strictObject({ value: scalar }),
    datasetWith,
    z.strictObject({
      type: z.enum(['dataset', 'string']).optional(),
      with: z.union([z.strictObject({ value: scalar }), datasetWith]),
    }),
  ]),
)

export type WorkflowInputs = z.output<typeof workflowInputs>
