import type { DeploymentAuth } from '@nabla/api/deployment'
import type { ServedKind } from '../served.ts'
import { readRevision } from './stored.ts'

/** What deployments serve at origins of their own: whoever is let in there is passed on by the gateway. */
export const deploymentServed: ServedKind = {
  prefix: 'd',
  async find({ db, gateway }, id, port) {
    if (port !== null) return null
    const row = await db
      .selectFrom('deployments')
      .innerJoin('deploymentRevisions', (join) =>
        join
          .onRef('deploymentRevisions.deploymentId', '=', 'deployments.id')
          .onRef('deploymentRevisions.number', '=', 'deployments.revision'),
      )
      .select(['deployments.teamId', 'deployments.name', 'deploymentRevisions.spec'])
      .where('deployments.id', '=', id)
      .where('deployments.deletedAt', 'is', null)
      .executeTakeFirst()
    if (!row) return null
    return {
      teamId: row.teamId,
      name: `Deployment ${row.name}`,
      access: accessOf(readRevision(row).spec.auth),
      task: null,
      port: 0,
      passOn: {
        request: ({ response, ...given }) => gateway.take(id, response, given),
        socket: ({ socket, head, ...given }) => gateway.takeSocket(id, socket, head, given),
      },
    }
  },
}

/** Its name and password are for programs, at the path of the gateway; people sign in. */
const accessOf = ({ kind }: DeploymentAuth): 'team' | 'public' => (kind === 'public' ? 'public' : 'team')
