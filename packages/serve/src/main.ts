import type { AddressInfo } from 'node:net'
import { readArguments, type ConfigSource } from './config.ts'
import { messageOf } from './errors.ts'
import { createHttpServer } from './http/server.ts'
import { createLog, type Log } from './log.ts'
import { createMetrics } from './metrics.ts'
import { Repository } from './model/repository.ts'
import { routes } from './protocols/routes.ts'

/** The model server as a program: `node src/main.ts --config FILE`. SIGHUP reads the file again, SIGTERM drains and ends it. */

const log = createLog((text) => process.stdout.write(text))

try {
  serve(readArguments(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = 2
}

function serve(source: ConfigSource): void {
  const config = source()
  const metrics = createMetrics()
  const repository = new Repository(config, { log, metrics })
  const server = createHttpServer({ repository, metrics, routes, log })
  server.on('error', (error) => {
    log(`cannot listen on ${config.host}:${config.port}: ${error.message}`)
    repository.stop()
    process.exitCode = 1
  })
  server.listen(config.port, config.host, () => {
    const { address, port } = server.address() as AddressInfo
    log(`listening on http://${address.includes(':') ? `[${address}]` : address}:${port}`)
  })
  process.on('SIGHUP', () => void reload(source, repository, log))
  let ending = false
  const end = (signal: string): void => {
    if (ending) return
    ending = true
    log(`${signal}: answering what is under way`)
    repository.drain()
    const timer = setTimeout(() => server.closeAllConnections(), config.limits.timeoutMs)
    server.close(() => {
      clearTimeout(timer)
      repository.stop()
      log('ended')
    })
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(signal))
}

async function reload(source: ConfigSource, repository: Repository, log: Log): Promise<void> {
  try {
    await repository.apply(source())
    log('the configuration has been read again')
  } catch (error) {
    log(`the configuration could not be taken on: ${messageOf(error)}`)
  }
}
