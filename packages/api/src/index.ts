import { artifactRoutes } from './artifact.ts'
import { datasetRoutes } from './dataset.ts'
import { deploymentRoutes } from './deployment.ts'
import { eventRoutes } from './event.ts'
import { experimentRoutes } from './experiment.ts'
import { imageRoutes } from './image.ts'
import { jobRoutes } from './job.ts'
import { keyRoutes } from './key.ts'
import { machineTypeRoutes } from './machine-type.ts'
import { modelRoutes } from './model.ts'
import { notebookRoutes } from './notebook.ts'
import { projectRoutes } from './project.ts'
import type { RouteShape } from './route.ts'
import { registryRoutes } from './registry.ts'
import { runRoutes } from './run.ts'
import { secretRoutes } from './secret.ts'
import { serverRoutes } from './server.ts'
import { sessionRoutes } from './session.ts'
import { storageRoutes } from './storage.ts'
import { sweepRoutes } from './sweep.ts'
import { teamRoutes } from './team.ts'
import { tensorboardRoutes } from './tensorboard.ts'
import { treeRoutes } from './tree.ts'
import { userRoutes } from './user.ts'
import { workflowRoutes } from './workflow.ts'
import { workspaceRoutes } from './workspace.ts'

/** The whole API: every noun and its routes. Server, client, CLI and documents derive from it. */
export const contract = {
  job: jobRoutes,
  experiment: experimentRoutes,
  sweep: sweepRoutes,
  notebook: notebookRoutes,
  artifact: artifactRoutes,
  project: projectRoutes,
  workspace: workspaceRoutes,
  storage: storageRoutes,
  dataset: datasetRoutes,
  model: modelRoutes,
  deployment: deploymentRoutes,
  run: runRoutes,
  tensorboard: tensorboardRoutes,
  workflow: workflowRoutes,
  tree: treeRoutes,
  secret: secretRoutes,
  registry: registryRoutes,
  image: imageRoutes,
  'machine-type': machineTypeRoutes,
  event: eventRoutes,
  key: keyRoutes,
  team: teamRoutes,
  user: userRoutes,
  session: sessionRoutes,
  server: serverRoutes,
} as const satisfies Record<string, Record<string, RouteShape>>

export type Contract = typeof contract
export type Noun = keyof Contract

/** The version of the API that this package describes, and of the product. */
export const version = '0.1.0'
