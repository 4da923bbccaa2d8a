import { z } from 'zod'
import {
  type DeploymentState,
  deploymentStates,
  type InstanceState,
  instanceStates,
  type RevisionState,
  revisionStates,
} from './deployment-states.ts'

export * from './deployment-states.ts'

/** The names in the tables, which the console reads without loading any schema. */
export const deploymentState = z.enum(Object.keys(deploymentStates) as [DeploymentState, ...DeploymentState[]])

export const instanceState = z.enum(Object.keys(instanceStates) as [InstanceState, ...InstanceState[]])

export const revisionState = z.enum(Object.keys(revisionStates) as [RevisionState, ...RevisionState[]])
