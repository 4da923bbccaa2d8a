import { createServer, type RequestListener, type Server } from 'node:http'
import type { Bounds } from './bounds.ts'

/** An upload may take hours, so no request has a deadline as a whole: headers have one, and silence has one. */
export function createListener(handler: RequestListener, bounds: Bounds): Server {
  const server = createServer(
    {
      maxHeaderSize: bounds.headerBytes,
      headersTimeout: bounds.headersMs,
      requestTimeout: 0,
      connectionsCheckingInterval: bounds.headersCheckMs,
      keepAliveTimeout: bounds.keepAliveMs,
      highWaterMark: bounds.socketBufferBytes,
      // Whoever offers another protocol, as curl does with HTTP/2, is answered in this one.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    },
    handler,
  )
  server.setTimeout(bounds.idleMs)
  server.maxConnections = bounds.connections
  // Without a listener of its own Node invites every body at once; here it is invited once it has been let in.
  server.on('checkContinue', handler)
  return server
}
