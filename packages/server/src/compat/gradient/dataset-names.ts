import { AppError } from '../../lib/app-error.ts'
import type { Exchange } from './route.ts'

/**
 * A reference of an old client, `id:version`, as one of ours: a version that it filled file by file is known to it by
 * an id, which stands for the number that the version got in the end.
 */
export async function datasetReference(
  { deps, call }: Pick<Exchange, 'call' | 'deps'>,
  reference: string,
): Promise<string> {
  const [id = '', version] = reference.split(':')
  const dataset = await call('dataset', 'show', { dataset: id })
  if (version === undefined) return dataset.id
  const draft = await deps.db
    .selectFrom('gradientDrafts')
    .select('version')
    .where('id', '=', version)
    .where('datasetId', '=', dataset.id)
    .executeTakeFirst()
  if (draft && draft.version === null) {
    throw new AppError('conflict', {
      detail: `Version ${version} of the dataset ${dataset.name} is not committed yet.`,
    })
  }
  return `${dataset.id}:${draft?.version ?? version}`
}
