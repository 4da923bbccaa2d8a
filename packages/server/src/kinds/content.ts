import { posix } from 'node:path'
import type { ContentLink } from '@nabla/api/content'
import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { isWithin, readTicket, signTicket } from '../lib/content-ticket.ts'
import { limits } from '../lib/limits.ts'
import { type Files, filesIn } from '../volumes/files.ts'
import { contentTypeOf, isPage } from './content-type.ts'
import { sendFile } from './files.ts'
import type { ByteStream, Caller, Origins } from './kind.ts'

type ContentDeps = Pick<Deps, 'box' | 'clock' | 'db' | 'volumes' | 'trees'>

/**
 * Where a browser may show a file of a volume of the caller's team, for ten minutes. A page may load what stands in
 * its folder and below. Throws AppError `file_not_found`, `bad_path` or `no_content_origin`.
 */
export async function openContentLink(
  deps: ContentDeps,
  { caller, origins }: { caller: Caller; origins: Origins },
  volumeId: string,
  path: string,
): Promise<ContentLink> {
  if (origins.content === null) throw new AppError('no_content_origin')
  const files = await filesOf(deps, caller.teamId, volumeId)
  if (!files) throw new AppError('file_not_found', { path })
  const { type } = await files.stat(path)
  const folder = posix.dirname(path)
  const prefix = type === 'file' && isPage(path) ? (folder === '.' ? '' : folder) : path
  const expiresAt = deps.clock.now() + limits.contentTicketMs
  const ticket = { teamId: caller.teamId, volumeId, prefix, shownBy: origins.own, expiresAt }
  const place = `/content/${signTicket(ticket, keyOf(deps))}/${path.split('/').map(encodeURIComponent).join('/')}`
  return { url: origins.content + place, expiresAt: toIso(expiresAt) }
}

/** A file that is shown, and the origin whose pages may frame it. */
export interface Content {
  stream: ByteStream
  shownBy: string
}

/**
 * The file at `path` that a ticket is good for, typed by its name. A ticket that is wrong, too old, for another file,
 * or for a volume that is gone meets the same answer. Throws AppError `content_ended`, `file_not_found`, `bad_path`
 * or `bad_range`.
 */
export async function openContent(
  deps: ContentDeps,
  given: {
    ticket: string
    path: string
    headers: Record<string, string | string[] | undefined>
    signal: AbortSignal
  },
): Promise<Content> {
  const ticket = readTicket(given.ticket, keyOf(deps), deps.clock.now())
  if (!ticket || !isWithin(ticket.prefix, given.path)) throw new AppError('content_ended')
  const files = await filesOf(deps, ticket.teamId, ticket.volumeId)
  if (!files) throw new AppError('content_ended')
  const { range, 'if-range': ifRange } = given.headers
  const asked = { headers: { range, 'if-range': ifRange }, signal: given.signal, now: deps.clock.now() }
  const stream = await sendFile(files, given.path, asked)
  return { stream: { ...stream, contentType: contentTypeOf(given.path) }, shownBy: ticket.shownBy }
}

const keyOf = ({ box }: Pick<Deps, 'box'>): Buffer => box.derive('tickets for content')

/** The files of a volume of a team; undefined if it is gone. */
async function filesOf(deps: ContentDeps, teamId: string, volumeId: string): Promise<Files | undefined> {
  const volume = await deps.db
    .selectFrom('volumes')
    .select(['id', 'treeDigest'])
    .where('id', '=', volumeId)
    .where('teamId', '=', teamId)
    .where('deletedAt', 'is', null)
    .executeTakeFirst()
  if (!volume) return undefined
  if (volume.treeDigest !== null) return deps.trees.open(teamId, volume.treeDigest)
  return filesIn(deps.volumes.volumeDir(volume.id))
}
