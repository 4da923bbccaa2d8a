import type { Noun } from '@nabla/api'
import { artifactHandlers } from './artifact.ts'
import { datasetHandlers } from './dataset.ts'
import { deploymentKind, instanceKind } from './deployment/planned.ts'
import { deploymentServed } from './deployment/served.ts'
import { deploymentHandlers } from './deployment.ts'
import { eventHandlers } from './event.ts'
import { experimentKind } from './experiment/planned.ts'
import { experimentHandlers } from './experiment.ts'
import { jobKind } from './job/planned.ts'
import { jobServed } from './job/ports.ts'
import { jobHandlers } from './job.ts'
import { keyHandlers } from './key.ts'
import type { Handlers } from './kind.ts'
import { machineTypeHandlers } from './machine-type.ts'
import { modelHandlers } from './model.ts'
import type { PlannedChanges, PlannedKind, PlannedRow } from './planned.ts'
import { notebookHandlers } from './notebook.ts'
import { notebookKind } from './notebook/planned.ts'
import { notebookServed } from './notebook/served.ts'
import { projectHandlers } from './project.ts'
import { imageHandlers } from './image.ts'
import { registryHandlers } from './registry.ts'
import { runHandlers } from './run.ts'
import { secretHandlers } from './secret.ts'
import type { ServedKind } from './served.ts'
import { serverHandlers } from './server.ts'
import { sessionHandlers } from './session.ts'
import { storageHandlers } from './storage.ts'
import { sweepHandlers } from './sweep.ts'
import { tensorboardKind } from './tensorboard/planned.ts'
import { tensorboardServed } from './tensorboard/served.ts'
import { tensorboardHandlers } from './tensorboard.ts'
import { teamHandlers } from './team.ts'
import { treeHandlers } from './tree.ts'
import { userHandlers } from './user.ts'
import { workflowKind } from './workflow/planned.ts'
import { workflowHandlers } from './workflow.ts'
import { workspaceHandlers } from './workspace.ts'

/** The handlers of every noun of the contract. One that is missing does not compile. */
export const handlers: { [N in Noun]: Handlers<N> } = {
  job: jobHandlers,
  experiment: experimentHandlers,
  sweep: sweepHandlers,
  notebook: notebookHandlers,
  artifact: artifactHandlers,
  project: projectHandlers,
  workspace: workspaceHandlers,
  storage: storageHandlers,
  dataset: datasetHandlers,
  model: modelHandlers,
  deployment: deploymentHandlers,
  run: runHandlers,
  tensorboard: tensorboardHandlers,
  workflow: workflowHandlers,
  tree: treeHandlers,
  secret: secretHandlers,
  registry: registryHandlers,
  image: imageHandlers,
  'machine-type': machineTypeHandlers,
  event: eventHandlers,
  key: keyHandlers,
  team: teamHandlers,
  user: userHandlers,
  session: sessionHandlers,
  server: serverHandlers,
}

/** Every kind that owns tasks, or resources that do: what the control loop looks after. */
export const plannedKinds: readonly PlannedKind<PlannedRow, PlannedChanges, unknown>[] = [
  experimentKind,
  jobKind,
  notebookKind,
  deploymentKind,
  instanceKind,
  tensorboardKind,
  workflowKind,
]

/** Every kind whose tasks serve something at an address of its own: what the proxy looks for. */
export const servedKinds: readonly ServedKind[] = [jobServed, deploymentServed, notebookServed, tensorboardServed]
