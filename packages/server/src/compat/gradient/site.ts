import type { CompatRoute, CompatSite } from '../site.ts'
import { accountRoutes } from './account.ts'
import { artifactRoutes } from './artifacts.ts'
import { clusterRoutes } from './clusters.ts'
import { gradientError } from './errors.ts'
import { datasetFileRoutes } from './dataset-files.ts'
import { datasetVersionRoutes } from './dataset-versions.ts'
import { datasetRoutes } from './datasets.ts'
import { deploymentRoutes } from './deployments.ts'
import { experimentRoutes } from './experiments.ts'
import { graphqlRoutes } from './graphql.ts'
import { jobRoutes } from './jobs.ts'
import { logRoutes } from './logs.ts'
import { metricRoutes } from './metrics.ts'
import { modelRoutes } from './models.ts'
import { notebookRoutes } from './notebooks.ts'
import { projectRoutes } from './projects.ts'
import { secretRoutes } from './secrets.ts'
import { storageProviderRoutes } from './storage-providers.ts'
import { tagRoutes } from './tags.ts'
import { tensorboardRoutes } from './tensorboards.ts'
import { callerOfTicket } from './ticket.ts'
import { workflowRoutes } from './workflows.ts'
import { workspaceRoutes } from './workspaces.ts'

const routes: readonly CompatRoute[] = [
  ...accountRoutes,
  ...projectRoutes,
  ...tagRoutes,
  ...clusterRoutes,
  ...jobRoutes,
  ...logRoutes,
  ...artifactRoutes,
  ...metricRoutes,
  ...workspaceRoutes,
  ...experimentRoutes,
  ...modelRoutes,
  ...datasetRoutes,
  ...datasetVersionRoutes,
  ...datasetFileRoutes,
  ...storageProviderRoutes,
  ...secretRoutes,
  ...notebookRoutes,
  ...deploymentRoutes,
  ...graphqlRoutes,
  ...tensorboardRoutes,
  ...workflowRoutes,
]

/**
 * What the clients of Gradient speak: its command line and SDK for Python, `paperspace-node`, and the helpers inside
 * jobs. All of it is below one path, where `nabla gradient env` points them, so that it is in nobody's way.
 */
export const gradientSite: CompatSite = {
  name: 'gradient',
  prefixes: ['/gradient/'],
  routes,
  callerIn: async ({ ticket }, deps) => (ticket === undefined ? undefined : callerOfTicket(deps, ticket)),
  errorBody: gradientError,
}
