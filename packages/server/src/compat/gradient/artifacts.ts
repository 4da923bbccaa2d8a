import { z } from 'zod'
import { artifactsOf } from '../../kinds/artifact.ts'
import { AppError } from '../../lib/app-error.ts'
import { remove } from '../../volumes/folder.ts'
import { optional, yes } from './fields.ts'
import { allPages } from './pages.ts'
import { type Exchange, gradientBytes, gradientRoute } from './route.ts'
import { ticketFor, writeTicket } from './ticket.ts'

const listed = z.object({ jobId: z.string(), files: optional, size: yes, links: yes, startAfter: optional })

const pageSize = 1000

export const artifactRoutes = [
  ...gradientRoute('GET', '/jobs/artifactsListV2', listed, async (exchange) => {
    const { data, next } = await onePage(exchange)
    // A cursor that is there is asked for, even an empty one.
    return next === null ? { data } : { data, startAfter: next }
  }),
  ...gradientRoute('GET', '/jobs/artifactsList', listed, async (exchange) => (await onePage(exchange)).data),
  ...gradientRoute('GET', '/jobs/artifactsGet', listed, async ({ input, origins }) => ({
    bucket: 'nabla',
    folder: `jobs/${input.jobId}/artifacts`,
    server: origins.own,
    note: 'There are no credentials to fetch them with from S3: use `gradient jobs artifacts download`.',
  })),
  ...gradientRoute('POST', '/jobs/:id/artifactsDestroy', z.object({ files: optional }), destroy),
  ...gradientBytes(
    { method: 'GET', path: '/artifact/:ticket', input: z.unknown() },
    async ({ call, deps, params, headers }) => {
      const { job, path } = ticketFor(deps, params, 'artifact')
      return { file: await call('artifact', 'get', { job, path, headers: headers as Record<string, string> }) }
    },
  ),
]

async function onePage(exchange: Exchange<z.output<typeof listed>>) {
  const { call, caller, deps, input, origins } = exchange
  const { jobId: job, files, startAfter } = input
  const page = await call('artifact', 'list', {
    job,
    recursive: true,
    limit: pageSize,
    ...(files === undefined ? {} : { glob: files }),
    ...(startAfter === undefined ? {} : { after: startAfter }),
  })
  const data = page.items
    .filter(({ type }) => type === 'file')
    .map(({ path, sizeBytes }) => ({
      file: path,
      ...(input.size ? { size: sizeBytes } : {}),
      ...(input.links
        ? { url: `${origins.own}/gradient/artifact/${writeTicket(deps, caller, { for: 'artifact', job, path })}` }
        : {}),
    }))
  return { data, next: page.next }
}

/** Deletes what a job left, or files of it: paths or patterns with commas between. A job that writes is left alone. */
async function destroy({ call, caller, deps, params, input }: Exchange<{ files?: string | undefined }>) {
  const job = params['id']!
  const { root, ended, name } = await artifactsOf(deps, caller, job)
  if (!ended) {
    throw new AppError('conflict', { detail: `Job ${name} has not ended: stop it before its artifacts are deleted.` })
  }
  const patterns = input.files?.split(',').map((one) => one.trim()) ?? ['**']
  const found = new Set<string>()
  for (const glob of patterns.filter((one) => one !== '')) {
    const items = await allPages((page) => call('artifact', 'list', { job, recursive: true, glob, ...page }), 1000)
    for (const { path, type } of items) if (type !== 'folder') found.add(path)
  }
  for (const path of found) await remove(root, path, { recursive: false })
  return { deleted: found.size }
}
