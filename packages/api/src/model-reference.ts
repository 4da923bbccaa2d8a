import { z } from 'zod'
import { id, relativePath, taskPath } from './fields.ts'

/** A name that can stand in `name:version`, in an address and in `/models/name`. */
export const modelName = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dots, - and _, beginning with a letter or digit')

/** A name for a version that is moved at will, such as `champion`. */
export const modelAlias = z
  .string()
  .min(1)
  .max(60)
  .regex(/^[A-Za-z][A-Za-z0-9._-]*$/, 'letters, digits, dots, - and _, beginning with a letter')
  .refine((text) => text !== 'latest' && !/^v\d+$/i.test(text), '`latest` and `v1` are no aliases')

/** `name` or an id, `name:3`, or `name@champion`; without a version, the newest that is ready. */
export const modelReference = z
  .string()
  .max(170)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*([:@][A-Za-z0-9._-]+)?$/, 'NAME, NAME:VERSION or NAME@ALIAS')

/** Takes a reference apart: the model, and the number or alias of the version, or `latest`. */
export function parseModelReference(reference: string): { model: string; version: string } {
  const cut = reference.search(/[:@]/)
  if (cut < 0) return { model: reference, version: 'latest' }
  return { model: reference.slice(0, cut), version: reference.slice(cut + 1) }
}

/** The model that a job leaves: made a version when it succeeds. */
export const jobModel = z
  .strictObject({
    name: modelName,
    path: relativePath
      .refine((path) => !path.split('/').includes('..'), 'a path in the artifacts folder, without `..`')
      .default('')
      .describe('A file or folder in the artifacts folder; all of it if left out.'),
    type: z.string().max(60).optional().describe('What it is said to be, such as `ONNX`.'),
  })
  .meta({ id: 'JobModel' })

/** What a job reads of models: in `/models/<name>`, or where it is told. */
export const modelMount = z
  .strictObject({
    model: modelReference.describe('`name`, `name:3`, `name@champion` or an id.'),
    path: taskPath.optional().describe('Where the job finds it; `/models/<name>` if left out.'),
  })
  .meta({ id: 'ModelMount' })

/** What became of a model that a job reads: the version that was chosen when it was submitted. */
export const mountedModel = z
  .object({
    id: id.describe('Of the model.'),
    name: z.string(),
    version: z.number().int(),
    digest: z.string(),
    path: z.string().describe('Where the job finds it.'),
  })
  .meta({ id: 'MountedModel' })

export type MountedModel = z.infer<typeof mountedModel>

/** The bytes that a signature of a version is over. */
export const signedText = (digest: string): string => `nabla-model-v1\n${digest}\n`
