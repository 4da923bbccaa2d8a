import cliProgress from 'cli-progress'
import { formatBytes, formatDuration } from './format.ts'
import { columnsOf, type Output } from './output.ts'

/** A bar for long work. It is drawn on a terminal only, and gone when the work is done. */
export interface Progress {
  add(bytes: number): void
  stop(): void
}

/** A bar for work of which it turns out on the way how much it is. */
export interface GrowingProgress extends Progress {
  grow(bytes: number): void
}

/** Below this nobody gets to see a bar. */
const worthwhileBytes = 2_000_000

const silent: GrowingProgress = { add: () => {}, stop: () => {}, grow: () => {} }

/** `label`: what goes on, as in `Uploading`. */
export function showProgress(out: Output, label: string, totalBytes: number): Progress {
  const progress = showGrowingProgress(out, label)
  progress.grow(totalBytes)
  return progress
}

/** As `showProgress`, with nothing to do at first. */
export function showGrowingProgress(out: Output, label: string): GrowingProgress {
  const canvas = out.canvas
  if (!canvas) return silent
  let bar: cliProgress.SingleBar | undefined
  let total = 0
  let done = 0
  return {
    grow(bytes) {
      total += bytes
      bar?.setTotal(total)
      if (bar || total < worthwhileBytes) return
      out.clearStatus()
      bar = newBar(out, canvas, label)
      bar.start(total, done)
    },
    add(bytes) {
      done += bytes
      bar?.update(Math.min(done, total))
    },
    stop: () => bar?.stop(),
  }
}

/** `Uploading ━━━━╌╌╌╌  50%  1.0 GB of 2.0 GB  110 MB/s  9 s left`, as much of it as there is room for. */
function newBar(out: Output, canvas: NonNullable<Output['canvas']>, label: string): cliProgress.SingleBar {
  const columns = columnsOf(canvas)
  return new cliProgress.SingleBar({
    stream: canvas,
    clearOnComplete: true,
    fps: 8,
    // Over so many reports rate and time left are taken.
    etaBuffer: 50,
    barsize: Math.max(8, Math.min(32, columns - 66)),
    format: (options, { progress, value, total, eta }) => {
      const size = options.barsize ?? 32
      const filled = Math.round(progress * size)
      const line = out.styleNote('cyan', '━'.repeat(filled)) + out.styleNote('dim', '╌'.repeat(size - filled))
      const percent = `${Math.floor(progress * 100)}%`.padStart(4)
      const amount = `${percent}  ${formatBytes(value)} of ${formatBytes(total)}`
      // 0, NaN and infinity: it is not known yet.
      const hasRate = eta > 0 && Number.isFinite(eta)
      const rate = hasRate ? `  ${formatBytes((total - value) / eta)}/s  ${formatDuration(eta * 1000)} left` : ''
      return `${label} ${line} ${amount}${columns < 74 ? '' : rate}`
    },
  })
}
