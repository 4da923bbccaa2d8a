import { loadConfig } from '@nabla/server/config'
import { startServer } from '@nabla/server'

/** A server for one bench, as a process of its own: settings come as JSON in the first argument. */
const server = await startServer(loadConfig(JSON.parse(process.argv[2] ?? '{}') as Record<string, unknown>))
process.stdout.write(`${JSON.stringify({ url: server.url, key: server.firstKey })}\n`)
process.once('SIGTERM', () => void server.close().then(() => process.exit(0)))
