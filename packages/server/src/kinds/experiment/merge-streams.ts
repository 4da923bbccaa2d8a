/**
 * Takes turns with several streams of things to send, as each has one, until all have ended. A stream is asked for its
 * next only when its last one was taken, so nothing piles up. All are closed when the consumer goes away.
 */
export async function* mergeStreams<T>(
  streams: readonly AsyncGenerator<() => T, void, void>[],
): AsyncGenerator<T, void, undefined> {
  const next = (stream: AsyncGenerator<() => T, void, void>) => stream.next().then((result) => ({ stream, result }))
  const pending = new Map(streams.map((stream) => [stream, next(stream)]))
  try {
    while (pending.size > 0) {
      const { stream, result } = await Promise.race(pending.values())
      if (result.done) {
        pending.delete(stream)
        continue
      }
      yield result.value()
      // Behind all others, so that one that always has something keeps nobody waiting.
      pending.delete(stream)
      pending.set(stream, next(stream))
    }
  } finally {
    for (const stream of pending.keys()) void stream.return().catch(() => {})
  }
}
