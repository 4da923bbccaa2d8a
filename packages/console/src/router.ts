import { createRouter, type ErrorRouteComponent } from '@tanstack/react-router'
import { datasetRoutes } from './pages/dataset/routes.ts'
import { jobPageRoutes } from './pages/job/job-page-routes.ts'
import { jobRoutes } from './pages/job/routes.ts'
import { deploymentRoutes } from './pages/deployment/routes.ts'
import { experimentRoutes } from './pages/experiment/routes.ts'
import { sweepRoutes } from './pages/sweep/routes.ts'
import { modelRoutes } from './pages/model/routes.ts'
import { notebookRoutes } from './pages/notebook/routes.ts'
import { sharedRoutes } from './pages/notebook/shared-routes.ts'
import { projectRoutes } from './pages/project/routes.ts'
import { runRoutes } from './pages/run/routes.ts'
import { tensorboardRoutes } from './pages/tensorboard/routes.ts'
import { workflowRoutes } from './pages/workflow/routes.ts'
import { sessionRoutes } from './pages/session/routes.ts'
import { homeRoutes } from './pages/home/routes.ts'
import { machineRoutes } from './pages/server/routes.ts'
import { eventRoutes } from './pages/event/routes.ts'
import { settingsRoutes } from './pages/settings/routes.ts'
import { storageRoutes } from './pages/storage/routes.ts'
import { parseSearch, stringifySearch } from './parts/url-state.ts'
import { rootRoute, shellRoute } from './shell/routes.ts'
import { ErrorPage, MissingPage } from './shell/error-page.tsx'

/** Every page of the console: each noun brings its own. */
const tree = rootRoute.addChildren([
  ...sessionRoutes,
  ...sharedRoutes,
  shellRoute.addChildren([
    ...homeRoutes,
    ...projectRoutes,
    ...jobRoutes,
    ...jobPageRoutes,
    ...notebookRoutes,
    ...experimentRoutes,
    ...sweepRoutes,
    ...runRoutes,
    ...tensorboardRoutes,
    ...workflowRoutes,
    ...storageRoutes,
    ...datasetRoutes,
    ...modelRoutes,
    ...deploymentRoutes,
    ...machineRoutes,
    ...eventRoutes,
    ...settingsRoutes,
  ]),
])

export const router = createRouter({
  routeTree: tree,
  defaultPreload: 'intent',
  defaultPreloadDelay: 40,
  scrollRestoration: true,
  parseSearch,
  stringifySearch,
  defaultErrorComponent: ErrorPage as ErrorRouteComponent,
  defaultNotFoundComponent: MissingPage,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
