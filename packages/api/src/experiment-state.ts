import { z } from 'zod'
import {
  type ExperimentKind,
  experimentKinds,
  type ExperimentScheme,
  experimentSchemes,
  type ExperimentState,
  experimentStates,
} from './experiment-states.ts'

export * from './experiment-states.ts'

/** The names in the tables, which the console reads without loading any schema. */
export const experimentState = z.enum(Object.keys(experimentStates) as [ExperimentState, ...ExperimentState[]])

export const experimentKind = z.enum(Object.keys(experimentKinds) as [ExperimentKind, ...ExperimentKind[]])

export const experimentScheme = z.enum(Object.keys(experimentSchemes) as [ExperimentScheme, ...ExperimentScheme[]])
