import type { IncomingMessage } from 'node:http'
import { isSameSite } from '../http/host.ts'
import type { Caller } from '../kinds/kind.ts'
import { AppError } from '../lib/app-error.ts'
import { cookiesOf } from '../lib/session-cookie.ts'
import type { Door } from './door.ts'
import type { Served } from './served.ts'

/** Tells who somebody is, by what the database says now. Each throws AppError when it does not know. */
export interface Holders {
  /** By an API key. */
  key(secret: string): Promise<Caller>
  /** By the id of a session or a key. */
  byId(by: 'session' | 'key', id: string): Promise<Caller>
  /** A person in a team. */
  member(userId: string, teamId: string): Promise<{ userName: string }>
}

export interface Asked {
  request: IncomingMessage
  label: string
  served: Served | null
  secure: boolean
  isSocket: boolean
  /** It came to the console's own origin, where no page of others may be: only what no browser sends by itself counts. */
  forPrograms?: boolean
}

export interface Admitted {
  /** Name of the user; undefined: it is open to anyone. */
  user: string | undefined
  /** What stood in Authorization was for us. */
  dropAuthorization: boolean
  /** Path and query for the task: without a token of ours. */
  url: string
  /** For a page that was opened with a token in its address: the token. */
  tokenInAddress: string | undefined
  /** Throws when whoever was let in may be there no longer. */
  stillMay(): Promise<void>
}

/** Name of the cookie that keeps a pass: another one for each label, and locked to its host where that is possible. */
export const passCookie = (label: string, secure: boolean): string =>
  `${secure ? '__Host-' : ''}nabla_app_${label.replaceAll(/[^0-9a-z-]/g, '')}`

/**
 * Lets a request in, or throws AppError: `not_signed_in_here`, `not_served` (also for what another team has), or
 * `not_same_origin`. What is not there and what must not be seen look the same to whoever is not signed in.
 */
export async function admit(asked: Asked, door: Door, holders: Holders): Promise<Admitted> {
  const { request, label, served, secure, isSocket, forPrograms = false } = asked
  const url = request.url ?? '/'
  const plain = { url, dropAuthorization: false, tokenInAddress: undefined, stillMay: async () => {} }
  if (served?.access === 'public' && !forPrograms) return { ...plain, user: undefined }
  const tokenInAddress = tokenOf(url, (text) => door.readToken(text, label) !== undefined)
  const secret = secretOf(request)
  const token = secret !== undefined && door.readToken(secret.text, label) !== undefined ? secret.text : tokenInAddress
  const teamId = served?.teamId
  if (forPrograms && !isOfProgram(asked, secret !== undefined || (isSocket && token !== undefined))) {
    throw new AppError('not_signed_in_here')
  }
  if (secret && ownKey.test(secret.text)) {
    const look = () => mayByKey(holders, secret.text, teamId)
    return { ...plain, user: await look(), dropAuthorization: true, stillMay: async () => void (await look()) }
  }
  if (token !== undefined) {
    const look = () => mayByToken(door, holders, token, label, teamId)
    return {
      user: await look(),
      dropAuthorization: token === secret?.text,
      url: tokenInAddress === undefined ? url : withoutToken(url, tokenInAddress),
      tokenInAddress,
      stillMay: async () => void (await look()),
    }
  }
  const text = cookiesOf(request.headers).get(passCookie(label, secure))
  const pass = text === undefined || forPrograms || served?.access === 'key' ? undefined : door.readPass(text, label)
  if (!pass) throw new AppError('not_signed_in_here')
  assertSameOrigin(request, isSocket)
  const look = () =>
    pass.by === 'token'
      ? mayByToken(door, holders, pass.id, label, teamId)
      : holders.byId(pass.by, pass.id).then((caller) => inTeam(caller, teamId))
  return { ...plain, user: await orSignIn(look), stillMay: async () => void (await look()) }
}

/**
 * Refuses what pages of other origins send with the cookie of this one: sockets, anything that may change something,
 * and parts of pages. They may link here. SameSite does not tell apart neighbours under one domain; Sec-Fetch-Site
 * (https://www.w3.org/TR/fetch-metadata/) does, and where browsers leave it out, over plain http, Origin.
 */
function assertSameOrigin({ method = 'GET', headers }: IncomingMessage, isSocket: boolean): void {
  const { origin, host, 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest } = headers
  const isRead = !isSocket && (method === 'GET' || method === 'HEAD')
  if (origin !== undefined && !isSameSite(origin, host)) throw new AppError('not_same_origin')
  if (isSocket && origin === undefined) throw new AppError('not_same_origin')
  if (site === 'same-origin') return
  if (isRead && site === undefined) return
  if (isRead && (site === 'none' || (mode === 'navigate' && dest === 'document'))) return
  if (site === undefined && origin !== undefined) return
  throw new AppError('not_same_origin')
}

/** No link, picture or form of a page has a header that holds a secret, and what may be looked at is no program. */
const isOfProgram = ({ request }: Asked, hasSecret: boolean): boolean =>
  hasSecret && request.headers['sec-fetch-mode'] !== 'navigate'

const ownKey = /^nabla_[0-9a-z]{32}$/

/** The secret of a program: in `Authorization: Bearer …`, `Authorization: token …` as of Jupyter, or `X-API-Key`. */
function secretOf({ headers }: IncomingMessage): { text: string } | undefined {
  const text = /^(?:bearer|token) +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? headers['x-api-key']
  return typeof text === 'string' ? { text } : undefined
}

/** A token in the query, as clients of Jupyter send it. */
function tokenOf(url: string, isOurs: (text: string) => boolean): string | undefined {
  const query = url.split('?', 2)[1]
  if (query === undefined) return undefined
  return new URLSearchParams(query).getAll('token').find(isOurs)
}

function withoutToken(url: string, token: string): string {
  const [path = '/', query = ''] = url.split('?', 2)
  const kept = query.split('&').filter((pair) => pair !== `token=${token}`)
  return kept.length === 0 ? path : `${path}?${kept.join('&')}`
}

async function mayByKey(holders: Holders, secret: string, teamId: string | undefined): Promise<string> {
  return inTeam(await holders.key(secret), teamId)
}

async function mayByToken(
  door: Door,
  holders: Holders,
  token: string,
  label: string,
  teamId: string | undefined,
): Promise<string> {
  const userId = door.readToken(token, label)
  if (userId === undefined) throw new AppError('not_signed_in_here')
  if (teamId === undefined) throw new AppError('not_served')
  return (await orSignIn(() => holders.member(userId, teamId))).userName
}

function inTeam(caller: Caller, teamId: string | undefined): string {
  if (caller.teamId !== teamId) throw new AppError('not_served')
  return caller.userName
}

/** A session or a key that is gone is to sign in again here; what else goes wrong is told as it is. */
async function orSignIn<T>(look: () => Promise<T>): Promise<T> {
  try {
    return await look()
  } catch (error) {
    if (error instanceof AppError && error.status === 401) throw new AppError('not_signed_in_here')
    throw error
  }
}
