import { resolve } from 'node:path'
import { CliError, systemCode, usageError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { flag } from '../flags.ts'
import { inServerWords, loadGateway, loadServerConfig } from '../server-here.ts'
import { serverFlags } from './backup.ts'

export const gateway = defineCommand({
  name: 'gateway',
  about: 'Start one more gateway to deployments, beside the server of this machine',
  details: `
Answers requests at /serve/ as the server does, in a process of its own: with a processor of
its own, and also while the server is stopped or being updated. Run it as the user of the
server, on the same machine. Several may have the same port: start it once for each processor.

Runs in the foreground until Ctrl-C, and then finishes the requests under way.`,
  flags: {
    ...serverFlags,
    port: flag.whole('port', 'port to listen on; 0 takes a free one', { fallback: '7080' }),
    host: flag.text('address', 'address to listen on', { fallback: '127.0.0.1, this machine only' }),
    allowHost: flag.texts('name', 'further host name to answer to'),
    accessLog: flag.text('file', 'file for a line of JSON about each request', { fallback: 'none', completes: 'file' }),
    logLevel: flag.oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'how much it logs', {
      fallback: 'warn',
    }),
  },
  examples: [
    { line: 'gateway', about: 'beside the server in ~/.nabla/data, on port 7080' },
    { line: 'gateway --data /srv/nabla --host 0.0.0.0 --allow-host api.example.com', about: 'for others too' },
  ],
  async run(context, _, flags) {
    const { out, io } = context
    const { config } = await loadServerConfig(context, flags)
    const { port = 7080, host = '127.0.0.1', logLevel = 'warn' } = flags
    const { data, database } = config
    const accessLog = flags.accessLog === undefined ? config.accessLog : resolve(context.cwd, flags.accessLog)
    const { startGateway } = await loadGateway()
    const allowHosts = [...config.allowHosts, ...flags.allowHost]
    const running = await inServerWords(() =>
      startGateway({ data, database, host, port, allowHosts, logLevel, accessLog }).catch((error: unknown) => {
        throw listenProblem(error, port)
      }),
    )
    if (out.json) await out.value({ url: running.url, data })
    else {
      await out.line(
        `${out.style(['green', 'bold'], '✔')} Deployments answer at ${out.style('cyan', running.url)}/serve/`,
      )
      await out.line(out.style('dim', `  data ${data} · Ctrl-C stops it`))
    }
    await new Promise<void>((done) => {
      io.onInterrupt(done)
      process.once('SIGTERM', done)
    })
    out.note('\nFinishing what is under way.')
    await running.close()
    return exitCodes.ok.code
  },
})

function listenProblem(error: unknown, port: number): unknown {
  const code = systemCode(error)
  if (code === 'EADDRINUSE') {
    const hint = 'Choose another with --port, or stop what listens there.'
    return new CliError(`Port ${port} is taken.`, hint, 'conflict', error)
  }
  if (code === 'EADDRNOTAVAIL') {
    return usageError('This machine has no such address.', 'Choose one of its own with --host.')
  }
  return error
}
