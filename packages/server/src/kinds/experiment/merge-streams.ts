type Stream<T> = AsyncGenerator<() => T, void, void>

/**
 * Takes turns with several streams of things to send, as each has one, until all have ended. A stream is asked for its
 * next only when its last one was taken, so nothing piles up. All are closed when the consumer goes away.
 */
export async function* mergeStreams<T>(streams: readonly Stream<T>[]): AsyncGenerator<T, void, undefined> {
  const ready: (() => { stream: Stream<T>; result: IteratorResult<() => T, void> })[] = []
  let wake = () => {}
  // No `Promise.race`: a stream that is silent would keep every line of the others in memory.
  const ask = (stream: Stream<T>) => {
    const settle = (outcome: (typeof ready)[number]) => {
      ready.push(outcome)
      wake()
    }
    stream.next().then(
      (result) => settle(() => ({ stream, result })),
      (error: unknown) =>
        settle(() => {
          throw error
        }),
    )
  }
  const open = new Set(streams)
  for (const stream of streams) ask(stream)
  try {
    while (open.size > 0) {
      const outcome = ready.shift()
      if (!outcome) {
        await new Promise<void>((resolve) => (wake = resolve))
        continue
      }
      const { stream, result } = outcome()
      if (result.done) {
        open.delete(stream)
        continue
      }
      yield result.value()
      ask(stream)
    }
  } finally {
    for (const stream of open) stream.return().catch(() => {})
  }
}
