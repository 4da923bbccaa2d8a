/** One line of what Docker and Podman say while they fetch, build or send an image. */
export interface DaemonMessage {
  id?: string
  status?: string
  progressDetail?: { current?: number; total?: number }
  /** What a build writes, in pieces that end anywhere. */
  stream?: string
  /** What came of it, such as `{"ID": "sha256:…"}`. */
  aux?: unknown
  error?: string
}

/** Reads an answer that comes line by line, each a JSON. Breaks off with an error when the signal aborts. */
export async function* readMessages(stream: NodeJS.ReadableStream, signal: AbortSignal): AsyncGenerator<DaemonMessage> {
  const end = () => (stream as NodeJS.ReadableStream & { destroy(error: Error): void }).destroy(new Error('aborted'))
  signal.addEventListener('abort', end)
  try {
    let rest = ''
    for await (const chunk of stream) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as DaemonMessage
    }
    if (rest.trim() !== '') yield JSON.parse(rest) as DaemonMessage
  } finally {
    signal.removeEventListener('abort', end)
  }
}
