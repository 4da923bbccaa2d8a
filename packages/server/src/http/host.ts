import { isIP } from 'node:net'

/**
 * Decides which host names the server answers to. A page of another site can point a name of its own at this
 * machine (DNS rebinding), and the browser then takes the server for that site: its requests carry the foreign name
 * here and are refused. Allowed are: names and addresses of loopback when the connection came in over loopback, the
 * address that the connection came in on, `host` of the settings, and `allowHosts`.
 */
export function createHostCheck(config: { host: string; allowHosts: readonly string[] }) {
  const allowed = new Set([config.host, ...config.allowHosts].map(normalizeHost))
  const boundToLoopback = isLoopback(normalizeHost(config.host))
  return function isAllowed(hostHeader: string | undefined, localAddress: string | undefined): boolean {
    const host = hostOf(hostHeader)
    if (host === undefined) return false
    if (allowed.has(host)) return true
    const local = normalizeHost(localAddress ?? '')
    if (isLoopback(host)) return boundToLoopback || isLoopback(local)
    return isIP(host) !== 0 && host === local
  }
}

/** Whether a page of `origin` is one of the server's own, which was reached as `hostHeader`. */
export function isSameSite(origin: string, hostHeader: string | undefined): boolean {
  if (!hostHeader || !URL.canParse(origin)) return false
  const { protocol, host } = new URL(origin)
  return (protocol === 'http:' || protocol === 'https:') && host === new URL(`${protocol}//${hostHeader}`).host
}

/** The name or address in a Host header: without port, brackets and closing dot, in lower case. */
export function hostOf(header: string | undefined): string | undefined {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:/?#@\s[\]]+)(:\d{1,5})?$/.exec(header ?? '')
  return match?.[1] === undefined ? undefined : normalizeHost(match[1])
}

/** One spelling for each address: an IPv4 address that IPv6 carries is written as IPv4. */
function normalizeHost(host: string): string {
  const bare = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare)?.[1]
  if (mapped !== undefined) return mapped
  return isIP(bare) === 6 ? new URL(`http://[${bare}]`).hostname.slice(1, -1) : bare
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}
