import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import type { Config } from '../config.ts'
import type { Origins } from '../kinds/kind.ts'
import type { Place } from '../proxy/proxy.ts'
import { isLoopback, hostOf } from './host.ts'

/** Names of this machine, by browsers' own rule (RFC 6761, section 6.3), and another site than `localhost`. */
const contentName = 'content.localhost'
const localSuffix = '.localhost'
const labelPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

export interface OriginRules {
  /** Where the browser that sent a request finds the console, and where it finds what users made. */
  of(headers: IncomingHttpHeaders, socket: Pick<Socket, 'localPort'>): Origins
  /** Whether a request asks for what users made: by its host name. */
  isContent(hostHeader: string | undefined): boolean
  /** Whether it asks for what a task serves, and under which label. */
  placeOf(headers: IncomingHttpHeaders): Place | undefined
}

/**
 * Tells the console's origin from those of what tasks serve, which are names below `localhost` or the domain of
 * `proxyUrl`; and from the one for what users made. That is, in this order: `contentUrl`; for a browser on
 * this machine or at the near end of an SSH tunnel the name `content.localhost` at the same port; else the port of
 * the second listener, for a browser that reaches this one directly.
 */
export function createOriginRules(
  config: Pick<Config, 'contentUrl'> & Partial<Pick<Config, 'proxyUrl' | 'allowHosts'>>,
  contentPort: () => number | null,
): OriginRules {
  const contentUrl = config.contentUrl === undefined ? undefined : new URL(config.contentUrl)
  const wildcard = config.proxyUrl === undefined ? undefined : new URL(config.proxyUrl.replace('*.', ''))
  const isContent = (hostHeader: string | undefined): boolean => {
    if (hostOf(hostHeader) === contentName) return true
    return contentUrl !== undefined && hostHeader !== undefined && sameHost(contentUrl, hostHeader)
  }
  return {
    of(headers, { localPort }) {
      const own = ownOrigin(headers)
      return {
        own: own.origin,
        content: contentUrl?.origin ?? derivedContent(own, localPort, contentPort()),
        served: (label) => (wildcard ? `${wildcard.protocol}//${label}.${wildcard.host}` : localOrigin(label, own)),
      }
    },
    isContent,
    placeOf({ host: header }) {
      const host = hostOf(header)
      if (host === undefined || isContent(header) || config.allowHosts?.includes(host)) return undefined
      const suffixes = [localSuffix, ...(wildcard ? [`.${wildcard.hostname}`] : [])]
      const suffix = suffixes.find((end) => host.endsWith(end))
      const label = suffix === undefined ? '' : host.slice(0, -suffix.length)
      if (!labelPattern.test(label)) return undefined
      return { label, secure: suffix !== localSuffix && wildcard?.protocol === 'https:' }
    },
  }
}

/** Browsers know that such a name is this machine; one that came by another name is on another. */
function localOrigin(label: string, own: URL): string | null {
  if (own.protocol === 'https:' || !isLoopback(hostOf(own.host) ?? '')) return null
  return `http://${label}${localSuffix}${own.port === '' ? '' : `:${own.port}`}`
}

/** A proxy says that it was asked by https; so does the browser, wherever it names its own origin. */
function ownOrigin({ host = 'localhost', origin, 'x-forwarded-proto': forwarded }: IncomingHttpHeaders): URL {
  const byProxy =
    String(forwarded ?? '')
      .split(',', 1)[0]
      ?.trim()
      .toLowerCase() === 'https'
  const byBrowser = origin?.startsWith('https://') === true && sameHost(new URL(origin), host)
  return new URL(`${byProxy || byBrowser ? 'https' : 'http'}://${host}`)
}

function derivedContent(own: URL, localPort: number | undefined, contentPort: number | null): string | null {
  // Nobody but this listener answers here, and it speaks http: an https page may not show what comes from it.
  if (own.protocol === 'https:') return null
  const port = own.port === '' ? 80 : Number(own.port)
  if (isLoopback(hostOf(own.host) ?? '')) return `http://${contentName}${own.port === '' ? '' : `:${own.port}`}`
  return contentPort !== null && port === localPort ? `http://${own.hostname}:${contentPort}` : null
}

function sameHost(url: URL, hostHeader: string): boolean {
  return URL.canParse(`${url.protocol}//${hostHeader}`) && new URL(`${url.protocol}//${hostHeader}`).host === url.host
}
