import type { IncomingHttpHeaders } from 'node:http'
import type { SecretBox } from './secret-box.ts'

/**
 * The cookie that carries the token of a session. Browsers share cookies among the ports of a host, so its name has
 * a part that is this server's alone. Over https its name begins with `__Host-`: browsers then refuse one that came
 * over http or from a neighbouring name (draft-ietf-httpbis-rfc6265bis, section 4.1.3.2).
 */
export interface SessionCookie {
  /** The token that a request carries. */
  read(headers: IncomingHttpHeaders, secure: boolean): string | undefined
  /** The value of Set-Cookie that keeps `token` for `lifetimeMs`. `secure`: the request came by https. */
  write(token: string, secure: boolean, lifetimeMs: number): string
  /** The value of Set-Cookie that forgets it. */
  forget(secure: boolean): string
}

/** The cookie of the server whose data folder the box belongs to. */
export function createSessionCookie(box: Pick<SecretBox, 'derive'>): SessionCookie {
  const plain = `nabla_session_${box.derive('name of the session cookie').toString('hex').slice(0, 8)}`
  const locked = `__Host-${plain}`
  return {
    read(headers, secure) {
      const cookies = cookiesOf(headers)
      return cookies.get(locked) ?? (secure ? undefined : cookies.get(plain))
    },
    write: (token, secure, lifetimeMs) => setCookie(secure ? locked : plain, token, secure, lifetimeMs),
    forget: (secure) => setCookie(secure ? locked : plain, '', secure, 0),
  }
}

function setCookie(name: string, value: string, secure: boolean, lifetimeMs: number): string {
  const attributes = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${Math.floor(lifetimeMs / 1000)}`
  return `${name}=${value}; ${attributes}${secure ? '; Secure' : ''}`
}

/** RFC 6265, section 4.2.1. Of two with one name the first counts: its path is the longer one. */
export function cookiesOf({ cookie = '' }: IncomingHttpHeaders): Map<string, string> {
  const cookies = new Map<string, string>()
  for (const pair of cookie.split(';')) {
    const equals = pair.indexOf('=')
    const name = pair.slice(0, equals).trim()
    if (equals > 0 && !cookies.has(name)) cookies.set(name, pair.slice(equals + 1).trim())
  }
  return cookies
}
