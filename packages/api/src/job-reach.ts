import { z } from 'zod'
import { route } from './route.ts'
import { openServed, servedLink } from './served.ts'

const byJob = z.object({ job: z.string().min(1).max(200).describe('Id or name of the job; a name means its newest.') })
const byPort = byJob.extend({ port: z.coerce.number().int().min(1).max(65_535) })

/** What reaches into a running job: its ports, and programs beside its command. */
export const jobReachRoutes = {
  ports: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/ports',
    about: 'The ports of the job, and where a browser opens each.',
    access: 'member',
    params: byJob,
    response: z.object({
      items: z.array(
        z.object({
          port: z.number().int(),
          address: z.string().nullable().describe('Stays the same for ever. Null: your browser has no way there.'),
        }),
      ),
    }),
    errors: ['not_found'],
  }),
  openPort: route({
    method: 'POST',
    path: '/api/v1/jobs/:job/ports/:port/open',
    about: 'An address at which a browser opens what the job serves at a port, signed in.',
    access: 'member',
    params: byPort,
    body: openServed,
    response: servedLink,
    errors: ['not_found', 'no_port', 'no_served_origin'],
  }),
  forwardPort: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/ports/:port/stream',
    about: 'A connection to a port of the job.',
    access: 'member',
    params: byPort,
    response: { stream: 'socket', about: 'Binary messages are the bytes of one TCP connection, both ways.' },
    errors: ['not_found', 'no_port', 'no_upgrade', 'not_serving', 'not_listening'],
  }),
  exec: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/exec',
    about: 'Runs a program inside the running job.',
    access: 'member',
    params: byJob,
    response: {
      stream: 'socket',
      about:
        'The client begins with the JSON of `ExecStart`, or of `attach` to come back. Binary messages are what the ' +
        'program reads, and what it writes after a byte that is 1 for its output and 2 for its errors.',
    },
    errors: ['not_found', 'no_upgrade', 'not_serving', 'exec_failed', 'exec_ended'],
  }),
}
