import { tmpdir } from 'node:os'
import { Writable } from 'node:stream'
import { contract, type Noun } from '@nabla/api'
import type { FastifyInstance } from 'fastify'
import pino from 'pino'
import { configSchema } from '../config.ts'
import type { CompatSite } from '../compat/site.ts'
import type { Deps } from '../deps.ts'
import { createApp } from '../http/app.ts'
import type { AllHandlers } from '../http/bind.ts'
import type { Bounds } from '../http/bounds.ts'
import type { Console } from '../http/console.ts'
import type { Caller, Handlers } from '../kinds/kind.ts'
import { AppError } from '../lib/app-error.ts'
import { TestClock } from '../lib/clock.ts'
import { createServerMetrics } from '../lib/server-metrics.ts'
import { createSessionCookie } from '../lib/session-cookie.ts'

/** The token of a session that the stand-in knows; any other has ended. */
export const sessionToken = 'token-of-a-session'

/** Keys that the stand-in knows. */
export const memberKey = 'key-of-a-member'
export const adminKey = 'key-of-an-admin'
export const expiredKey = 'key-that-expired'
/** That of the program of a job. */
export const jobKey = 'key-of-a-job'

const member: Caller = {
  userId: 'u0000000000000001',
  userName: 'ada',
  teamId: 'te0000000000000001',
  teamName: 'lab',
  role: 'member',
  keyId: 'k0000000000000001',
  sessionId: null,
}

export interface StandIn {
  app: FastifyInstance
  clock: TestClock
  deps: Deps
  /** Lines of the log so far, parsed. */
  logged: Record<string, unknown>[]
}

export interface StandInOptions {
  handlers?: { [N in Noun]?: Partial<Handlers<N>> }
  bounds?: Partial<Bounds>
  config?: { host?: string; allowHosts?: string[]; contentUrl?: string }
  pages?: Console
  compat?: readonly CompatSite[]
  /** Counts look-ups of keys, or fails them. */
  onAuthenticate?: (key: string) => void
}

/**
 * The HTTP side alone: handlers that are not given answer `not_found`, and who a key speaks for is a constant. For
 * tests of what happens before and after a handler.
 */
export function standInApp(options: StandInOptions = {}): StandIn {
  const clock = new TestClock()
  const logged: Record<string, unknown>[] = []
  const sink = new Writable({
    write(line: Buffer, _, done) {
      logged.push(JSON.parse(line.toString()) as Record<string, unknown>)
      done()
    },
  })
  const config = configSchema.parse({ data: tmpdir(), ...options.config })
  const log = pino({ level: 'debug' }, sink)
  const cookie = createSessionCookie({ derive: () => Buffer.alloc(32) })
  const deps = { config, clock, log, cookie, metrics: createServerMetrics() } as unknown as Deps
  const app = createApp(deps, {
    handlers: completed(options.handlers ?? {}),
    authenticate: {
      async key(key) {
        options.onAuthenticate?.(key)
        if (key === expiredKey) throw new AppError('key_expired', { date: '2025-12-31' })
        if (key === memberKey) return member
        if (key === jobKey) return { ...member, keyId: null, jobId: 'j0000000000000001' }
        if (key === adminKey) return { ...member, role: 'admin', keyId: 'k0000000000000002' }
        throw new AppError('unauthenticated')
      },
      async session(token) {
        if (token === sessionToken) return { ...member, keyId: null, sessionId: 'ss0000000000000001' }
        throw new AppError('session_ended')
      },
    },
    openContent: () => Promise.reject(new AppError('content_ended')),
    ...(options.compat ? { compat: options.compat } : {}),
    ...(options.pages ? { pages: options.pages } : {}),
    ...(options.bounds ? { bounds: options.bounds } : {}),
  })
  return { app, clock, deps, logged }
}

/** The cookie of a browser that is signed in, without and with https. */
export const sessionCookie = `nabla_session_00000000=${sessionToken}`
export const secureCookie = `__Host-${sessionCookie}`

/** The headers of a request with a key. */
export const asMember = { authorization: `Bearer ${memberKey}` }
export const asAdmin = { authorization: `Bearer ${adminKey}` }

function completed(given: NonNullable<StandInOptions['handlers']>): AllHandlers {
  const nouns = Object.entries(contract).map(([noun, routes]) => {
    const handlers = Object.keys(routes).map((verb) => [
      verb,
      () => Promise.reject(new AppError('not_found', { noun, id: verb })),
    ])
    return [noun, { ...Object.fromEntries(handlers), ...given[noun as Noun] }]
  })
  return Object.fromEntries(nouns) as AllHandlers
}
