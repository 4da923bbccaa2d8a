/** The server gives a sign of life every 15 s: a connection without any for this long is dead, though nobody said so. */
const silentMs = 40_000

/** Aborts once the page has been hidden for `hiddenMs`; returns what ends the watch. */
export function pauseWhenHidden(hiddenMs: number, control: AbortController): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const look = () => {
    clearTimeout(timer)
    if (document.hidden) timer = setTimeout(() => control.abort(), hiddenMs)
  }
  look()
  document.addEventListener('visibilitychange', look)
  return () => {
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', look)
  }
}

/** Aborts when no sign of life has come for long. */
export function endWhenSilent(control: AbortController): { beat: () => void; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined
  const beat = () => {
    clearTimeout(timer)
    timer = setTimeout(() => control.abort(), silentMs)
  }
  beat()
  return { beat, stop: () => clearTimeout(timer) }
}

/** Resolves when the page is seen again, or when the signal aborts. */
export function untilShown(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return
      document.removeEventListener('visibilitychange', look)
      resolve()
    }
    document.addEventListener('visibilitychange', look)
    signal.addEventListener('abort', look, { once: true })
    look()
  })
}
