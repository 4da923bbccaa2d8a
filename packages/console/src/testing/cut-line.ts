import { connect, createServer, type Server, type Socket } from 'node:net'

/** A line to a server that can be cut. */
export interface CutLine {
  url: string
  /** Bytes that went to the server. */
  sentBytes(): number
  /** Breaks all connections once so many more bytes went to the server, and refuses new ones for a while. */
  cutAfter(bytes: number, forMs: number): void
  close(): Promise<void>
}

/** Passes connections on to a server of this machine, byte by byte. */
export async function startCutLine(target: string): Promise<CutLine> {
  const { port } = new URL(target)
  const open = new Set<Socket>()
  let sent = 0
  let cutAt = Number.POSITIVE_INFINITY
  let pauseMs = 0
  let refused = false
  const cut = () => {
    cutAt = Number.POSITIVE_INFINITY
    refused = true
    setTimeout(() => (refused = false), pauseMs)
    for (const socket of open) socket.destroy()
  }
  const server: Server = createServer((here) => {
    const there = connect(Number(port), '127.0.0.1')
    for (const socket of [here, there]) {
      open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => open.delete(socket))
    }
    here.on('close', () => there.destroy())
    there.on('close', () => here.destroy())
    if (refused) here.destroy()
    here.on('data', (chunk) => {
      sent += chunk.byteLength
      if (sent >= cutAt) cut()
    })
    here.pipe(there)
    there.pipe(here)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    sentBytes: () => sent,
    cutAfter(bytes, forMs) {
      cutAt = sent + bytes
      pauseMs = forMs
    },
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
