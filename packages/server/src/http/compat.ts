import type { FastifyRequest } from 'fastify'
import type { CompatRoute, CompatSite } from '../compat/site.ts'
import type { Bounds } from './bounds.ts'

/** Where a request is handled that is not of the contract. */
export interface CompatPlace {
  site: CompatSite
  route: CompatRoute
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set for the routes of a protocol that is not ours. */
    compat?: CompatPlace
  }
  interface FastifyInstance {
    compatSites: readonly CompatSite[]
  }
}

/** The site that a request belongs to, also where it has no such route; undefined for all that is ours. */
export function siteOf(request: FastifyRequest): CompatSite | undefined {
  const { compat } = request.routeOptions.config
  if (compat) return compat.site
  const path = request.url.split('?', 1)[0] ?? ''
  return request.server.compatSites.find(({ prefixes }) => prefixes.some((prefix) => path.startsWith(prefix)))
}

/** Most bytes that a request to such a route may carry. */
export function compatBodyLimit(route: CompatRoute, bounds: Bounds): number {
  return route.maxBodyBytes ?? (route.bytes ? bounds.uploadBytes : bounds.jsonBodyBytes)
}

/**
 * A key in `Authorization: Basic`, as its password: clients of other protocols often know no other place. The name
 * may be any.
 */
export function basicKeyOf(authorization: string | undefined): string | undefined {
  const encoded = /^basic +([\w+/=-]{1,2000})$/i.exec(authorization ?? '')?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const password = text.slice(text.indexOf(':') + 1)
  return text.includes(':') && password !== '' ? password : undefined
}
