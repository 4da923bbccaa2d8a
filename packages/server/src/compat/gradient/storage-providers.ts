import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { gradientRoute } from './route.ts'

/**
 * Where files of datasets are: on this server, which the clients take for a bucket, since they handle files of buckets
 * only. There are no others, so none is made.
 */
export const storageProvider = { id: 'splnabla', name: 'nabla', type: 's3', config: { bucket: 'nabla' } }

const refuse = async (): Promise<never> => {
  throw new AppError('invalid', {
    detail:
      `This server keeps the files of datasets itself: use ${storageProvider.id}. ` +
      'What is in a bucket becomes a dataset with `nabla dataset import NAME s3://…`.',
  })
}

export const storageProviderRoutes = [
  ...gradientRoute('GET', '/storageProviders', z.unknown(), async () => [storageProvider]),
  ...gradientRoute('GET', '/storageProviders/:id', z.unknown(), async ({ params }) => {
    if (params['id'] === storageProvider.id) return storageProvider
    throw new AppError('not_found', { noun: 'storage provider', id: params['id']! })
  }),
  ...gradientRoute('POST', '/storageProviders', z.unknown(), refuse),
  ...gradientRoute('POST', '/storageProviders/:id', z.unknown(), refuse),
  ...gradientRoute('DELETE', '/storageProviders/:id', z.unknown(), refuse),
]
