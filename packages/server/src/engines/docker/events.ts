import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import { taskLabel } from './container.ts'
import type { Daemon } from './daemon.ts'

/** One message of https://docs.docker.com/reference/api/engine/version/v1.41/#tag/System/operation/SystemEvents */
interface Message {
  Actor?: { Attributes?: Record<string, string> }
}

/**
 * Follows what the daemon tells of containers with a label, and calls `seen` with the task: a hint, which may be missed.
 * The stream is opened again whenever it ends; `seen(null)` says that something may have been missed meanwhile.
 */
export function followEvents(
  daemon: Daemon,
  clock: Clock,
  label: string,
  seen: (id: string | null) => void,
  signal: AbortSignal,
): void {
  const follow = async () => {
    if (signal.aborted) return
    await read(daemon, label, seen, signal).catch(() => {})
    clock.after(limits.daemonRetryMs, () => void follow())
  }
  void follow()
}

async function read(
  daemon: Daemon,
  label: string,
  seen: (id: string | null) => void,
  signal: AbortSignal,
): Promise<void> {
  const docker = await daemon.streams()
  const stream = await docker.getEvents({ filters: { type: ['container'], label: [label] }, abortSignal: signal })
  seen(null)
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line.trim() === '') continue
      const id = (JSON.parse(line) as Message).Actor?.Attributes?.[taskLabel]
      seen(id ?? null)
    }
  }
}
