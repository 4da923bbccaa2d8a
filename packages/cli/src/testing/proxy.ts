import { createServer, connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'

export interface Proxy {
  url: string
  /** Bytes that clients have sent, over all connections. */
  sentBytes(): number
  /** Resolves when clients have sent so many bytes in all. */
  reached(bytes: number): Promise<void>
  /** Ends all connections, and takes no more. */
  cut(): void
}

/** Stands between a client and the server at `url`, and counts what the client sends. Closed after the test. */
export async function startProxy(url: string): Promise<Proxy> {
  const { hostname, port } = new URL(url)
  const waiting: { bytes: number; done: () => void }[] = []
  const open = new Set<Socket>()
  let sent = 0
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        open.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (data) => {
      sent += data.length
      for (const one of waiting) if (sent >= one.bytes) one.done()
    })
    client.pipe(upstream)
    upstream.pipe(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    server.close()
    for (const socket of open) socket.destroy()
  }
  onTestFinished(cut)
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    sentBytes: () => sent,
    reached: (bytes) => new Promise((done) => void waiting.push({ bytes, done })),
    cut,
  }
}
