import cliProgress from 'cli-progress'
import { formatBytes } from './format.ts'
import type { Output } from './output.ts'

/** A bar for long work. It is drawn on a terminal only, and gone when the work is done. */
export interface Progress {
  add(bytes: number): void
  stop(): void
}

/** Below this nobody gets to see a bar. */
const worthwhileBytes = 2_000_000

const silent: Progress = { add: () => {}, stop: () => {} }

/** `label`: what goes on, as in `Uploading`. */
export function showProgress(out: Output, label: string, totalBytes: number): Progress {
  const canvas = out.canvas
  if (!canvas || totalBytes < worthwhileBytes) return silent
  out.clearStatus()
  const bar = new cliProgress.SingleBar({
    stream: canvas,
    clearOnComplete: true,
    fps: 8,
    barsize: Math.max(8, Math.min(32, (canvas.columns ?? 80) - 52)),
    format: (options, { progress, total }, { done }: { done: string }) => {
      const size = options.barsize ?? 32
      const filled = Math.round(progress * size)
      const line = out.styleNote('cyan', '━'.repeat(filled)) + out.styleNote('dim', '╌'.repeat(size - filled))
      const percent = `${Math.floor(progress * 100)}%`.padStart(4)
      return `${label} ${line} ${percent}  ${done} of ${formatBytes(total)}`
    },
  })
  let sent = 0
  bar.start(totalBytes, 0, { done: formatBytes(0) })
  return {
    add(bytes) {
      sent += bytes
      bar.update(Math.min(sent, totalBytes), { done: formatBytes(sent) })
    },
    stop: () => bar.stop(),
  }
}
