import { z } from 'zod'
import type { Deps } from '../../deps.ts'
import { callerOfKey } from '../../kinds/account.ts'
import type { Caller } from '../../kinds/kind.ts'
import { AppError } from '../../lib/app-error.ts'
import { limits } from '../../lib/limits.ts'

/**
 * What an address is good for that was made for one thing. The old clients fetch and send files, and read metrics,
 * at addresses that they are told, without their key: so the right to do that one thing stands in the address.
 */
const ticket = z.discriminatedUnion('for', [
  z.object({ for: z.literal('artifact'), job: z.string(), path: z.string() }),
  z.object({ for: z.literal('model-file'), model: z.string(), version: z.string(), path: z.string() }),
  z.object({ for: z.literal('notebook-file'), notebook: z.string(), path: z.string() }),
  z.object({ for: z.literal('model-upload'), model: z.string(), fileName: z.string() }),
  z.object({ for: z.literal('workspace'), key: z.string() }),
  z.object({ for: z.literal('storage'), path: z.string() }),
  z.object({
    for: z.literal('object'),
    may: z.enum(['read', 'write', 'delete']),
    dataset: z.string(),
    version: z.string(),
    key: z.string(),
  }),
  z.object({
    for: z.literal('objects'),
    dataset: z.string(),
    version: z.string(),
    prefix: z.string(),
    recursive: z.boolean(),
    limit: z.number(),
    after: z.string().optional(),
  }),
  z.object({ for: z.literal('metrics') }),
])

export type Ticket = z.infer<typeof ticket>

const sealed = z.object({ keyId: z.string(), until: z.number(), ticket })

const context = 'addresses for Gradient clients'

/** The ticket as text for an address. It is sealed: whoever sees it learns nothing but what it opens. */
export function writeTicket({ box, clock }: Pick<Deps, 'box' | 'clock'>, caller: Caller, given: Ticket): string {
  if (caller.keyId === null) throw new AppError('forbidden', { action: 'do this without a key of your own' })
  const until = clock.now() + limits.gradientTicketMs
  const text = JSON.stringify({ keyId: caller.keyId, until, ticket: given } satisfies z.input<typeof sealed>)
  return Buffer.from(box.seal(text, context), 'base64').toString('base64url')
}

/** What a ticket is good for. Throws AppError `invalid` for one that is too old, or none. */
export function readTicket({ box, clock }: Pick<Deps, 'box' | 'clock'>, text: string): z.infer<typeof sealed> {
  const bad = () => new AppError('invalid', { detail: 'This address is too old, or is none that the server made.' })
  let opened: string
  try {
    opened = box.open(Buffer.from(text, 'base64url').toString('base64'), context)
  } catch {
    throw bad()
  }
  const found = sealed.parse(JSON.parse(opened))
  if (found.until <= clock.now()) throw bad()
  return found
}

/** Who asks by an address with a ticket: the one whose key it was made with, as long as that key is good. */
export async function callerOfTicket(deps: Deps, text: string): Promise<Caller> {
  return callerOfKey(deps.db, deps.clock, 'id', readTicket(deps, text).keyId)
}

/** The ticket of a request, if it is one for this. Throws AppError `invalid`. */
export function ticketFor<F extends Ticket['for']>(
  deps: Deps,
  params: Record<string, string>,
  ...wanted: F[]
): Extract<Ticket, { for: F }> {
  const found = readTicket(deps, params['ticket'] ?? '').ticket
  if ((wanted as string[]).includes(found.for)) return found as Extract<Ticket, { for: F }>
  throw new AppError('invalid', { detail: 'This address is good for something else.' })
}
