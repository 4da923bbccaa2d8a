import { type JobState, jobStates } from '@nabla/api/job'
import { AppError } from '../../lib/app-error.ts'
import type { Handlers } from '../kind.ts'
import { labelOf, openServedLink, runningTask, type ServedKind } from '../served.ts'
import { readSpec } from './planned.ts'
import { findJob } from './view.ts'

/** The ports of a job, each with an address of its own. */
export const jobPortHandlers: Pick<Handlers<'job'>, 'ports' | 'openPort'> = {
  async ports({ caller, params, origins }, deps) {
    const row = await findJob(deps, caller, params.job)
    const items = readSpec(row).spec.ports.map((port) => {
      const origin = origins.served(labelOf(row.id, port))
      return { port, address: origin === null ? null : `${origin}/` }
    })
    return { items }
  },

  async openPort({ caller, params, body, origins }, deps) {
    const row = await findJob(deps, caller, params.job)
    const port = portOf(row, params.port)
    return openServedLink(deps, { caller, origins }, labelOf(row.id, port), body.path)
  },
}

/** A port of a job that it was submitted with. Throws AppError `no_port`. */
export function portOf(row: { name: string; spec: string }, port: number): number {
  const { ports } = readSpec(row).spec
  if (ports.includes(port)) return port
  throw new AppError('no_port', { name: `Job ${row.name}`, port, ports: ports.join(', ') || 'none' })
}

/** What the ports of jobs serve. */
export const jobServed: ServedKind = {
  prefix: 'j',
  async find({ db }, id, port) {
    const row = await db
      .selectFrom('jobs')
      .select(['id', 'name', 'teamId', 'state', 'spec'])
      .where('id', '=', id)
      .where('deletedAt', 'is', null)
      .executeTakeFirst()
    if (!row || port === null || !readSpec(row).spec.ports.includes(port)) return null
    const state = row.state as JobState
    const task = await runningTask({ db }, row.id)
    return {
      teamId: row.teamId,
      name: `Job ${row.name}`,
      access: 'team',
      task,
      reason: jobStates[state].ended ? `it has ended (${state})` : 'it waits for a place on the machine',
      starting: state === 'running',
      port,
    }
  },
}
