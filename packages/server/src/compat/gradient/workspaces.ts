import type { Readable } from 'node:stream'
import type { WorkspaceSource } from '@nabla/api/workspace'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { randomText } from '../../lib/ids.ts'
import { limits } from '../../lib/limits.ts'
import type { CompatAnswer } from '../site.ts'
import { readForm, unwrapped } from './multipart.ts'
import { type Exchange, gradientBytes, gradientRoute } from './route.ts'
import { ticketFor, writeTicket } from './ticket.ts'

/** What stands for a bucket in the addresses of files that were sent here. */
export const bucket = 'nabla'

/** How experiments send their files: they ask where to, post a form there, and name its place when they are made. */
export const workspaceRoutes = [
  ...['/experiments/v1', '/experiments/v2'].flatMap((root) =>
    gradientRoute(
      'GET',
      `${root as '/'}/workspace/get_presigned_url`,
      z.unknown(),
      async ({ caller, deps, origins }) => {
        const key = `workspaces/${randomText(20)}`
        const ticket = writeTicket(deps, caller, { for: 'workspace', key })
        const url = `${origins.own}/gradient/workspace/${ticket}`
        return { message: 'success', data: { url, bucket_name: bucket, fields: { key } } }
      },
    ),
  ),
  ...gradientBytes({ method: 'POST', path: '/workspace/:ticket', bytes: true, input: z.unknown() }, (exchange) =>
    takeFiles(exchange, async (upload) => (await readForm(upload)).file),
  ),
  // Deployments put theirs: a form as well, whose header does not say so.
  ...gradientBytes({ method: 'PUT', path: '/workspace/:ticket', bytes: true, input: z.unknown() }, (exchange) =>
    takeFiles(exchange, unwrapped),
  ),
]

/** Takes files in, and remembers for a while what they became: what they are for is told afterwards. */
async function takeFiles(exchange: Exchange, open: (upload: Readable) => Promise<Readable>): Promise<CompatAnswer> {
  const { caller, deps, params, upload } = exchange
  const { key } = ticketFor(deps, params, 'workspace')
  const workspaceId = await uploadWorkspace(exchange, await open(upload))
  const now = deps.clock.now()
  const before = toIso(now - limits.unusedWorkspaceMs)
  await deps.db.deleteFrom('gradientUploads').where('createdAt', '<', before).execute()
  await deps.db
    .insertInto('gradientUploads')
    .values({ id: key, teamId: caller.teamId, workspaceId, createdAt: toIso(now) })
    .onConflict((c) => c.column('id').doUpdateSet({ workspaceId }))
    .execute()
  return { json: {}, status: 201 }
}

/** Takes an archive in as a workspace. Answers with its id. */
export async function uploadWorkspace({ call }: Exchange, file: Readable): Promise<string> {
  return (await call('workspace', 'upload', { upload: file } as never)).id
}

interface Remote {
  url: string | undefined
  ref?: string | undefined
  username?: string | undefined
  password?: string | undefined
}

/** The workspace that an address means: one that was sent here before, a repository, or none. Throws AppError. */
export async function workspaceAt(
  { caller, deps }: Pick<Exchange, 'caller' | 'deps'>,
  { url, ref, username, password }: Remote,
): Promise<WorkspaceSource> {
  if (url === undefined || url === 'none') return { from: 'nothing' }
  if (url.startsWith(`s3://${bucket}/`)) {
    const found = await deps.db
      .selectFrom('gradientUploads')
      .select('workspaceId')
      .where('id', '=', url.slice(`s3://${bucket}/`.length))
      .where('teamId', '=', caller.teamId)
      .executeTakeFirst()
    if (!found)
      throw new AppError('invalid', { detail: 'The files of the workspace have not arrived: send them again.' })
    return { from: 'upload', id: found.workspaceId }
  }
  if (url.startsWith('s3:')) {
    throw new AppError('invalid', { detail: 'A workspace is sent from this machine or fetched from git, not from S3.' })
  }
  const plain = url.replace(/^git\+(?=https?:|ssh:)/, '')
  return {
    from: 'git',
    url: plain,
    ...(ref === undefined ? {} : { ref }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  }
}
