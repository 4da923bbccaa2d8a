import type { JobSpec } from '@nabla/api/job'
import { quote } from '../../parts/quote.ts'
import type { JobFields } from './job-form-body.ts'

type Asked = Pick<JobFields | JobSpec, 'models' | 'model'>

/** The flags that say which models a job reads, and which one it leaves. */
export function modelFlags({ models, model }: Asked): string[] {
  return [
    ...(models ?? []).map((mount) => `--model ${quote(writeModelMount(mount))}`),
    ...(model ? [`--model-name ${quote(model.name || 'NAME')}`] : []),
    ...(model?.path ? [`--model-path ${quote(model.path)}`] : []),
    ...(model?.type ? [`--model-type ${quote(model.type)}`] : []),
  ]
}

/** `name`, `name:3` or `name@alias`, and behind a colon another place than `/models/name`. */
export const writeModelMount = ({ model, path }: { model: string; path?: string | undefined }): string =>
  path === undefined ? model : `${model}:${path}`

/** The same, read back. */
export function readModelMount(text: string): { model: string; path?: string } {
  const at = text.indexOf(':/')
  return at < 0 ? { model: text } : { model: text.slice(0, at), path: text.slice(at + 1) }
}

const withModel = (fields: JobFields, changes: Partial<NonNullable<JobFields['model']>>) =>
  void (fields.model = { name: '', ...fields.model, ...changes })

/** The same flags, read back; a path may be written as the job sees it. */
export const modelFlagReaders: Record<string, (fields: JobFields, value: string) => void> = {
  model: (fields, value) => void (fields.models = [...(fields.models ?? []), readModelMount(value)]),
  'model-name': (fields, name) => withModel(fields, { name }),
  'model-path': (fields, path) =>
    withModel(fields, { path: path.replace(/^\/artifacts(?=\/|$)/, '').replaceAll(/^\/+|\/+$/g, '') }),
  'model-type': (fields, type) => withModel(fields, { type }),
}
