import { version } from '@nabla/api'
import { z } from 'zod'
import { type CompatRoute, compatRoute, type CompatSite } from '../site.ts'
import { artifactFileRoutes, artifactRoutes } from './artifacts.ts'
import { mlflowError } from './errors.ts'
import { experimentRoutes } from './experiments.ts'
import { loggedModelRoutes } from './logged-models.ts'
import { loggingRoutes } from './logging.ts'
import { metricRoutes } from './metrics.ts'
import { registeredModelRoutes } from './registry-models.ts'
import { modelVersionRoutes } from './registry-versions.ts'
import { runRoutes } from './runs.ts'

/** Every route of MLflow's REST API that is answered, without the part of the address that all have in common. */
const table: readonly CompatRoute[] = [
  ...experimentRoutes,
  ...runRoutes,
  ...loggingRoutes,
  ...metricRoutes,
  ...artifactRoutes,
  ...artifactFileRoutes,
  ...loggedModelRoutes,
  ...registeredModelRoutes,
  ...modelVersionRoutes,
]

/** What clients of version 3 ask a server about itself. */
const serverInfo = compatRoute('GET', '/api/3.0/mlflow/server-info', z.unknown(), async () => ({
  store_type: 'nabla',
  version,
  workspaces_enabled: false,
  multipart_uploads_enabled: false,
  multipart_downloads_enabled: false,
}))

const roots = ['/api/2.0', '/ajax-api/2.0'] as const

const routes: readonly CompatRoute[] = [
  ...roots.flatMap((root) => table.map((route): CompatRoute => ({ ...route, path: `${root}${route.path}` }))),
  serverInfo,
]

/** MLflow's tracking server: its client finds it at the address of this server itself. */
export const mlflowSite: CompatSite = {
  name: 'mlflow',
  prefixes: ['/api/2.0/mlflow', '/api/3.0/mlflow', '/ajax-api/2.0/mlflow', '/ajax-api/3.0/mlflow'],
  routes,
  errorBody: mlflowError,
}
