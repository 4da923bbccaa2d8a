import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'

/**
 * What the holder of an address may read until when: files at or below `prefix` in one tree of one team. It is in the
 * address itself, signed, so nothing has to be kept; and it is of no use anywhere but on the content origin.
 */
const ticket = z.object({
  teamId: z.string(),
  volumeId: z.string(),
  /** Path in the volume: a file, or a folder. Empty: all of it. */
  prefix: z.string(),
  /** The origin whose pages may show it in a frame. */
  shownBy: z.string(),
  /** Milliseconds since the epoch. */
  expiresAt: z.number(),
})

export type ContentTicket = z.infer<typeof ticket>

/** Writes a ticket as text for an address: JSON and its HMAC-SHA-256, both in base64url. */
export function signTicket(given: ContentTicket, key: Buffer): string {
  const payload = Buffer.from(JSON.stringify(given)).toString('base64url')
  return `${payload}.${macOf(payload, key).toString('base64url')}`
}

/** The ticket that a text holds; undefined if it was not signed with this key or is too old at `now`. */
export function readTicket(text: string, key: Buffer, now: number): ContentTicket | undefined {
  const [, payload = '', mac = ''] = /^([\w-]+)\.([\w-]{43})$/.exec(text) ?? []
  if (payload === '' || !timingSafeEqual(Buffer.from(mac, 'base64url'), macOf(payload, key))) return undefined
  const found = ticket.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()))
  return found.expiresAt > now ? found : undefined
}

/** Whether a path is `prefix` or below it. Neither is resolved here: who opens the file refuses `..`. */
export function isWithin(prefix: string, path: string): boolean {
  return prefix === '' || path === prefix || path.startsWith(`${prefix}/`)
}

const macOf = (payload: string, key: Buffer): Buffer => createHmac('sha256', key).update(payload).digest()
