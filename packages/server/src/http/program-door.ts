import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { limits } from '../lib/limits.ts'
import { createListener } from './listener.ts'

/** A way to the server for programs of tasks that have no other: what comes in by it may do what programs may, and no more. */
export interface ProgramDoor {
  /** On 127.0.0.1. */
  port: number
  /** Until then it answers that it is too early. */
  serve(app: FastifyInstance): void
  close(): Promise<void>
}

const sockets = new WeakSet<Socket>()

/** Whether a request came in by this door: `http/guard.ts` takes nothing there but the key of a job. */
export const cameByProgramDoor = (request: IncomingMessage): boolean => sockets.has(request.socket)

/** Listens at a port of loopback that is free. What tasks serve and what users made is not behind it, whatever host is named. */
export async function openProgramDoor(): Promise<ProgramDoor> {
  let app: FastifyInstance | undefined
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    if (app) app.routing(request, response)
    else response.writeHead(503, { 'retry-after': '1', connection: 'close' }).end()
  }
  const server = createListener(handle, limits)
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    serve(given) {
      app = given
    },
    async close() {
      app = undefined
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
