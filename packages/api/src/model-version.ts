import { z } from 'zod'
import { displayName, id, relativePath, sizeBytes, tags, time } from './fields.ts'
import { modelFormat, scanVerdict } from './model-format.ts'
import { modelName } from './model-reference.ts'
import { type ModelVersionState, modelVersionStates } from './model-tables.ts'
import { chunkHash } from './tree-root.ts'

export { type ModelRule, modelRules, type ModelVersionState, modelVersionStates } from './model-tables.ts'

/** Where the files of a version come from. */
export const modelSource = z
  .discriminatedUnion('from', [
    z.strictObject({ from: z.literal('tree'), digest: chunkHash.describe('Of a tree that was committed.') }),
    z.strictObject({
      from: z.literal('job'),
      job: z.string().min(1).max(200).describe('Id or name of a job that has ended.'),
      path: relativePath.default('').describe('A file or folder of its artifacts; all of them if left out.'),
    }),
  ])
  .meta({ id: 'ModelSource' })

export type ModelSource = z.output<typeof modelSource>

export const modelType = z.string().max(60).describe('What it is said to be, such as `ONNX`, `Tensorflow` or `Custom`.')
export const notes = z.string().max(20_000)
export const modelMetrics = z.array(z.object({ name: z.string().min(1).max(250), value: z.number() })).max(1000)

/** What made a version, as far as it is known. */
export const modelLineage = z
  .object({
    job: z.object({ id, name: z.string() }).nullable(),
    run: z.string().nullable().describe('Id of the run that it was made in.'),
    project: z.object({ id, name: z.string() }).nullable(),
    workspaceDigest: z.string().nullable().describe('The code: digest of the workspace of the job.'),
    commit: z.string().nullable(),
    datasets: z.array(z.object({ id, name: z.string(), version: z.number().int(), digest: z.string().nullable() })),
  })
  .meta({ id: 'ModelLineage' })

export type ModelLineage = z.infer<typeof modelLineage>

export const modelSignature = z
  .object({
    key: z.object({ id, name: z.string() }),
    signature: z.string().describe('Ed25519, in base64.'),
    signedBy: z.object({ id, name: displayName }),
    signedAt: time,
    valid: z.boolean().describe('Whether it holds for these files and this key, checked now.'),
  })
  .meta({ id: 'ModelSignature' })

export const modelVersion = z
  .object({
    id,
    model: z.object({ id, name: modelName }),
    version: z.number().int().describe('1, 2, 3, …'),
    reference: z.string().describe('`name:version`: what jobs and commands take.'),
    state: z.enum(Object.keys(modelVersionStates) as [ModelVersionState, ...ModelVersionState[]]),
    reason: z.string().nullable(),
    aliases: z.array(z.string()),
    type: modelType.nullable(),
    notes,
    attributes: z.record(z.string(), z.string()).describe('Words with values, as tags of MLflow are.'),
    source: z.string().describe('Where its files come from, in a few words.'),
    digest: z.string().nullable().describe('SHA-256 over all its files.'),
    files: z.number().int(),
    sizeBytes,
    format: modelFormat.nullable().describe('Null until it is ready.'),
    parameters: z.number().int().nullable(),
    verdict: scanVerdict.nullable(),
    metrics: modelMetrics,
    lineage: modelLineage,
    signatures: z.array(modelSignature),
    createdBy: z.object({ id, name: displayName }),
    createdAt: time,
  })
  .meta({ id: 'ModelVersion' })

export type ModelVersion = z.infer<typeof modelVersion>

export const model = z
  .object({
    id,
    name: modelName,
    project: z.object({ id, name: z.string() }).nullable(),
    notes,
    tags,
    attributes: z.record(z.string(), z.string()),
    aliases: z.record(z.string(), z.number().int()).describe('Each alias and the number of its version.'),
    versions: z.number().int(),
    latest: modelVersion.nullable().describe('The newest version that is ready.'),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: 'Model' })

export type Model = z.infer<typeof model>

/** What reads or serves a version. */
export const modelUse = z
  .object({
    kind: z.enum(['job', 'deployment']),
    id,
    name: z.string(),
    state: z.string().describe('Of the job or the deployment.'),
    holds: z.boolean().describe('While it does so, the version cannot be deleted.'),
  })
  .meta({ id: 'ModelUse' })

export type ModelUse = z.infer<typeof modelUse>

export const modelKey = z
  .object({
    id,
    name: displayName,
    publicKey: z.string().describe('Ed25519: SPKI in PEM.'),
    fingerprint: z.string().describe('SHA-256 of the public key.'),
    createdAt: time,
  })
  .meta({ id: 'ModelKey' })

export type ModelKey = z.infer<typeof modelKey>
