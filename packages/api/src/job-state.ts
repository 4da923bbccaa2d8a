import { z } from 'zod'
import { type JobState, jobStates } from './job-states.ts'

export * from './job-states.ts'

/** The name of a state. Apart from the tables, which the console reads without loading any schema. */
export const jobState = z.enum(Object.keys(jobStates) as [JobState, ...JobState[]])
