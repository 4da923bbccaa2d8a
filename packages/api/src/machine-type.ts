import { z } from 'zod'
import { pageOf, route } from './route.ts'

/** A slice of this machine that a job can ask for. */
export const machineType = z
  .object({
    name: z.string(),
    engine: z.string().describe('The engine that runs its jobs.'),
    cpus: z.number(),
    memoryBytes: z.number().int(),
    gpus: z.number().int(),
    gpuName: z.string().nullable(),
    isDefault: z.boolean().describe('Taken when a job names none.'),
    pricePerHour: z.number().nullable().describe('What an hour of it costs; null where the settings do not say.'),
    available: z.number().int().describe('How many jobs of this type could start now.'),
  })
  .meta({ id: 'MachineType' })

export type MachineType = z.infer<typeof machineType>

export const machineTypeRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/machine-types',
    about: 'The machine types of this server, smallest first.',
    access: 'member',
    response: pageOf(machineType),
  }),
}
