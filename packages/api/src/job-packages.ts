import { z } from 'zod'
import { route } from './route.ts'

export const installedPackage = z.object({ name: z.string(), version: z.string() }).meta({ id: 'InstalledPackage' })

export type InstalledPackage = z.infer<typeof installedPackage>

/** What ran: the versions that an installer chose. */
export const jobPackageRoutes = {
  packages: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/packages',
    about: 'What the Python environment of the last attempt had in it; the first is Python itself.',
    access: 'member',
    params: z.object({
      job: z.string().min(1).max(200).describe('Id or name of the job; a name means its newest.'),
    }),
    response: z.object({
      items: z.array(installedPackage).describe('Empty where none was made for it: it has no requirements file.'),
    }),
    errors: ['not_found'],
  }),
}
