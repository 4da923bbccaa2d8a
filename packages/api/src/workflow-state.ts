import { z } from 'zod'
import {
  type WorkflowJobState,
  workflowJobStates,
  type WorkflowRunState,
  workflowRunStates,
} from './workflow-states.ts'

export * from './workflow-states.ts'

/** The names in the tables, which the console reads without loading any schema. */
export const workflowRunState = z.enum(Object.keys(workflowRunStates) as [WorkflowRunState, ...WorkflowRunState[]])

export const workflowJobState = z.enum(Object.keys(workflowJobStates) as [WorkflowJobState, ...WorkflowJobState[]])
