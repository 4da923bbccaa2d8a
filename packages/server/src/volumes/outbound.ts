import { type LookupAddress, lookup } from 'node:dns'
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import type { OutboundRules } from '../lib/outbound-rules.ts'

/** An answer whose body is still to be read, or destroyed. */
export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: IncomingMessage
}

/** Makes the headers of a request; a login is only for the origin that it was given for. */
export type HeadersFor = (url: URL, isFirstOrigin: boolean) => Promise<Record<string, string>>

/**
 * Asks for something at an http or https address, following redirects. Every address that is connected to is held to
 * the rules, after its name was looked up. Throws AppError `fetch_refused` and `fetch_failed`, and what a connection
 * that breaks throws.
 */
export async function request(
  url: URL,
  { rules, headersFor, signal }: { rules: OutboundRules; headersFor: HeadersFor; signal: AbortSignal },
): Promise<Answer> {
  let at = url
  for (let redirects = 0; redirects <= limits.fetchRedirects; redirects++) {
    const answer = await ask(at, await headersFor(at, at.origin === url.origin), rules, signal)
    const location = [301, 302, 303, 307, 308].includes(answer.status) ? answer.headers.location : undefined
    if (location === undefined) return answer
    answer.body.destroy()
    const next = URL.parse(location, at.href)
    const isWeb = next?.protocol === 'https:' || next?.protocol === 'http:'
    if (!next || !isWeb || (at.protocol === 'https:' && next.protocol === 'http:')) {
      throw new AppError('fetch_failed', { url: shown(url), reason: 'it leads on to an address that cannot be used' })
    }
    at = next
  }
  throw new AppError('fetch_failed', { url: shown(url), reason: 'it leads from one address to the next without end' })
}

/** An address for people: a query may hold a signature. */
export const shown = ({ origin, pathname }: URL): string => `${origin}${pathname}`

function ask(url: URL, headers: Record<string, string>, rules: OutboundRules, signal: AbortSignal): Promise<Answer> {
  const { protocol, hostname } = url
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const port = Number(url.port || (protocol === 'https:' ? 443 : 80))
  // One that is no name is never looked up.
  if (isIP(host) !== 0) rules.check(host, host, port)
  const options = { headers, signal, agent: false as const, lookup: lookupWithin(rules, port) }
  return new Promise((resolve, reject) => {
    const outgoing = (protocol === 'https:' ? https : http).get(url, options)
    // Of a connection on which nothing moves any more.
    outgoing.setTimeout(limits.fetchIdleMs, () => outgoing.destroy(new Error('it does not answer')))
    outgoing.on('error', reject)
    outgoing.on('response', (body) => resolve({ status: body.statusCode ?? 0, headers: body.headers, body }))
  })
}

/** Looks up a name and answers only if all that was found may be asked. */
function lookupWithin(rules: OutboundRules, port: number): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error) return callback(error, [])
      try {
        for (const { address } of found) rules.check(address, hostname, port)
      } catch (refused) {
        return callback(refused as Error, [])
      }
      const [first] = found
      return options.all ? callback(null, found) : callback(null, first?.address ?? '', first?.family ?? 4)
    })
  }
}
