import { z } from 'zod'
import { displayName, id } from './fields.ts'

/** What made a job, where no person did. */

export const jobExperiment = z.object({
  id,
  name: displayName,
  role: z.string(),
  index: z.number().int().describe('From 0, within its role.'),
  attempt: z.number().int().describe('Of the experiment.'),
})

export const jobWorkflow = z.object({
  id,
  name: displayName,
  run: z.number().int().describe('Number of the run.'),
  job: z.string().describe('Its name in the file of the workflow.'),
})
