import type { Route } from '../http/route.ts'
import { openInferenceRoutes } from './open-inference.ts'
import { plainRoutes } from './plain.ts'
import { tfServingRoutes } from './tf-serving.ts'

/** All that the server answers; those for predictions first, as most requests are these. */
export const routes: readonly Route[] = [
  ...tfServingRoutes,
  ...openInferenceRoutes,
  ...plainRoutes,
  {
    method: 'GET',
    pattern: /^\/metrics$/,
    protocol: 'metrics',
    async handle({ metrics, repository }) {
      return {
        status: 200,
        headers: { 'content-type': metrics.contentType },
        body: await metrics.render(repository.versions),
      }
    },
  },
]
