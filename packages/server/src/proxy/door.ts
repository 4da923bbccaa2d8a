import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Caller } from '../kinds/kind.ts'
import type { Clock } from '../lib/clock.ts'
import { randomText } from '../lib/ids.ts'
import { limits } from '../lib/limits.ts'
import type { SecretBox } from '../lib/secret-box.ts'

/** Whom a browser speaks for at one label: a session, or the key that it was opened with. */
const pass = z.object({
  label: z.string(),
  by: z.enum(['session', 'key', 'token']),
  /** Id of the session or the key; a token itself. */
  id: z.string(),
  /** Milliseconds since the epoch. */
  until: z.number(),
})

export type Pass = z.infer<typeof pass>

/**
 * What lets people in at what tasks serve: tickets for one sign-in, passes that a browser keeps as a cookie, and
 * tokens for programs. None is of any use at the API, or at another label.
 */
export interface Door {
  /** A ticket for the caller: one browser, once, within a minute, then on to `path`. */
  issue(caller: Caller, label: string, path: string): { ticket: string; expiresAt: number }
  /** What a ticket is good for; it is gone then. Undefined: it was used, is too old, or is for another label. */
  redeem(ticket: string, label: string): { pass: string; path: string } | undefined
  /** A pass for whoever has shown a token. */
  passFor(token: string, label: string): string
  readPass(text: string, label: string): Pass | undefined
  /** The token of one person for one label: always the same. It works as long as the person is in the team. */
  token(userId: string, label: string): string
  /** Whose token this is. */
  readToken(text: string, label: string): string | undefined
}

export function createDoor(box: Pick<SecretBox, 'derive'>, clock: Clock): Door {
  const passKey = box.derive('passes for what tasks serve')
  const tokenKey = box.derive('tokens for what tasks serve')
  const tickets = new Map<string, { pass: Pass; path: string; expiresAt: number }>()

  const signPass = (given: Pass): string => {
    const payload = Buffer.from(JSON.stringify(given)).toString('base64url')
    return `${payload}.${macOf(passKey, payload)}`
  }
  const token = (userId: string, label: string) => userId + macOf(tokenKey, `${userId}/${label}`)
  const until = () => clock.now() + limits.sessionMs

  return {
    issue({ sessionId, keyId }, label, path) {
      forgetOld(tickets, clock.now())
      const ticket = randomText(32)
      const expiresAt = clock.now() + limits.proxyTicketMs
      const holder =
        sessionId === null ? { by: 'key' as const, id: keyId ?? '' } : { by: 'session' as const, id: sessionId }
      tickets.set(ticket, { pass: { label, ...holder, until: until() }, path, expiresAt })
      return { ticket, expiresAt }
    },
    redeem(ticket, label) {
      const found = tickets.get(ticket)
      if (found?.pass.label !== label) return undefined
      tickets.delete(ticket)
      return found.expiresAt > clock.now() ? { pass: signPass(found.pass), path: found.path } : undefined
    },
    passFor: (id, label) => signPass({ label, by: 'token', id, until: until() }),
    readPass(text, label) {
      const [, payload = '', mac = ''] = /^([\w-]+)\.([\w-]{43})$/.exec(text) ?? []
      if (payload === '' || !isSame(mac, macOf(passKey, payload))) return undefined
      const found = pass.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()))
      return found.label === label && found.until > clock.now() ? found : undefined
    },
    token,
    readToken(text, label) {
      const userId = /^(u[0-9a-z]{16})[\w-]{43}$/.exec(text)?.[1]
      return userId !== undefined && isSame(text, token(userId, label)) ? userId : undefined
    },
  }
}

/** Tickets are few and short-lived; whoever makes more than the bound loses the oldest. */
function forgetOld(tickets: Map<string, { expiresAt: number }>, now: number): void {
  for (const [ticket, { expiresAt }] of tickets) {
    if (expiresAt > now && tickets.size < limits.proxyTickets) return
    tickets.delete(ticket)
  }
}

const macOf = (key: Buffer, text: string): string => createHmac('sha256', key).update(text).digest('base64url')

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
