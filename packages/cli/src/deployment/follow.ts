import type { Deployment } from '@nabla/api/deployment'
import type { Context } from '../context.ts'
import { quoteWord } from '../quote.ts'
import { signOf } from './words.ts'

/** Waits until the newest revision answers or has failed, and says what is going on. Answers with how it is then. */
export async function waitForRollout(context: Context, first: Deployment): Promise<Deployment> {
  const { out } = context
  const client = await context.client()
  let found = first
  let told = ''
  for (;;) {
    const said = sayingOf(found)
    if (said !== told) out.note(said)
    told = said
    if (isSettled(found)) return found
    found = await client.deployment.wait({ deployment: found.id, seconds: 2 })
  }
}

/** Where to send requests, with a line that does. */
export async function sayAddress(context: Context, { name }: Deployment): Promise<void> {
  const { url } = await context.target()
  const address = `${url}/serve/${encodeURIComponent(name)}/`
  await context.out.line(address)
  context.out.note(`curl -H "Authorization: Bearer $NABLA_API_KEY" ${quoteWord(address)}`)
}

/** What a command that waited exits with: 1 when the newest revision does not answer. */
export const exitCodeOf = ({ state, rollout }: Deployment): number =>
  state === 'failed' || rollout?.state === 'failed' ? 1 : 0

function isSettled({ state, rollout, startedAt }: Deployment): boolean {
  if (startedAt === null) return state === 'stopped'
  if (rollout?.state === 'rolling') return state === 'failed'
  return rollout !== null || ['running', 'sleeping', 'stopped', 'failed'].includes(state)
}

function sayingOf({ name, state, reason, instances, revision, rollout }: Deployment): string {
  const count = state === 'starting' || state === 'updating' ? ` (${instances.ready} of ${instances.wanted} ready)` : ''
  const why = reason === null ? '' : `: ${reason}`
  const failed = rollout?.state === 'failed' ? `, revision ${revision} failed` : ''
  return `${signOf(state)} ${name} is ${state}${count}${failed}${why}`
}
