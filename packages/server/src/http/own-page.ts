import type { IncomingHttpHeaders } from 'node:http'
import { AppError } from '../lib/app-error.ts'
import { isSameSite } from './host.ts'

/**
 * Throws AppError `not_own_page` unless a browser says that a page of this very origin sent the request. Cookies are
 * sent along from other ports of the same machine, which browsers take for the same site, so SameSite alone is not
 * enough. Sec-Fetch-Site (https://www.w3.org/TR/fetch-metadata/) tells origins apart; browsers leave it out over http
 * to another machine, and there send Origin with everything that may change something.
 *
 * `loose`: a request that says neither is let through. No browser sends one, and there is no cookie in play.
 */
export function assertOwnPage(
  method: string,
  { origin, host, 'sec-fetch-site': site }: IncomingHttpHeaders,
  { loose = false } = {},
): void {
  const isRead = method === 'GET' || method === 'HEAD'
  if (origin !== undefined && !isSameSite(origin, host)) throw new AppError('not_own_page')
  if (site === 'same-origin') return
  // An address that was typed, or a bookmark.
  if (site === 'none' && isRead) return
  if (site !== undefined) throw new AppError('not_own_page')
  if (!isRead && origin === undefined && !loose) throw new AppError('not_own_page')
}
