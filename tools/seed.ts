import type { Client } from '@nabla/api/client'

/** Words of a command that steer the fake engine are told in `packages/server/src/engines/fake/`. */
const jobs = [
  { project: 'digits', name: 'baseline', command: 'run=1s print=accuracy=0.91', tags: ['keep'] },
  { project: 'digits', name: 'wider', command: 'run=2s print=accuracy=0.94' },
  { project: 'digits', name: 'diverged', command: 'run=1s exit=1 print=loss_is_nan' },
  { project: 'digits', name: 'too-large', command: 'run=1s oom' },
  { project: 'digits', name: 'flaky', command: 'run=1s exit=1', retries: 1 },
  { project: 'speech', name: 'no-such-package', command: 'setup=requirements.txt_cannot_be_installed.' },
  { project: 'speech', name: 'lost', command: 'run=1s lost' },
  { project: 'speech', name: 'long-training', command: 'run=3600s print=epoch_1' },
  { project: 'speech', name: 'stopped', command: 'run=3600s', stop: true },
  { project: 'speech', name: 'waiting', command: 'run=60s', machineType: 'large', count: 4 },
]

/** Machine types of the fake engine, for a server with `jobs` in it. */
export const fakeMachineTypes = [
  { name: 'small', engine: 'fake', cpus: 1, memoryBytes: 4e9 },
  { name: 'large', engine: 'fake', cpus: 4, memoryBytes: 16e9 },
]

/** Puts projects, jobs in every state, a secret and a file onto a server with the fake engine. */
export async function seed(client: Client): Promise<void> {
  await client.project.create({ body: { name: 'empty', tags: ['new'] } })
  await client.secret.set({ name: 'HF_TOKEN', body: { value: 'not-a-real-token' } })
  await client.storage.put({ path: 'datasets/README.txt', body: 'Files that all jobs of the team see.\n' })
  for (const { stop = false, count = 1, ...job } of jobs) {
    for (let index = 1; index <= count; index++) {
      const name = count === 1 ? job.name : `${job.name}-${index}`
      const { id } = await client.job.create({ body: { machineType: 'small', ...job, name } })
      if (stop) await client.job.stop({ job: id, body: {} })
    }
  }
}
