import { AppError } from '../../lib/app-error.ts'
import type { Exchange } from './route.ts'

interface Version {
  version: number
  state: 'preparing' | 'ready' | 'failed'
  reason: string | null
}

/**
 * Waits until a version is ready: old clients take what they have sent for usable. `subject` is what events about it
 * name, `after` was read before it was made. Throws AppError `conflict` when it fails.
 */
export async function untilReady<V extends Version>(
  { caller, deps, signal }: Exchange,
  made: V,
  { subject, after, read }: { subject: string; after: number; read(version: string): Promise<V> },
): Promise<V> {
  let now = made
  if (now.state === 'preparing') {
    for await (const _ of deps.feed.follow(caller.teamId, { after, subject, signal })) {
      now = await read(String(made.version))
      if (now.state !== 'preparing') break
    }
  }
  if (now.state !== 'failed') return now
  throw new AppError('conflict', { detail: `The version could not be made: ${now.reason ?? 'nobody knows why'}` })
}
