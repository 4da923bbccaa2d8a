import { resolve } from 'node:path'
import type { RunningServer } from '@nabla/server'
import { CliError, systemCode, usageError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { flag } from '../flags.ts'
import { quoteWord } from '../quote.ts'
import { parseSettings, readSettingsText } from '../server-here.ts'
import { signInLink } from '../sign-in-link.ts'

export const up = defineCommand({
  name: 'up',
  about: 'Start a server on this machine',
  details: `
Runs in the foreground until Ctrl-C. Jobs are not children of it: they run on when it
stops, and it finds them again when it starts.

The first start makes an admin and prints a key, once.`,
  flags: {
    data: flag.text('folder', 'where everything is kept', { fallback: '~/.nabla/data', completes: 'file' }),
    port: flag.whole('port', 'port to listen on; 0 takes a free one', { fallback: '7070' }),
    host: flag.text('address', 'address to listen on', { fallback: '127.0.0.1, this machine only' }),
    allowHost: flag.texts('name', 'further host name to answer to'),
    database: flag.text('url', '`sqlite`, or a postgres:// address', { fallback: 'sqlite' }),
    engine: flag.texts('name', 'what runs jobs: `process`, `docker`, or `fake` to try things out', {
      fallback: 'process',
    }),
    config: flag.text('file', 'settings file (YAML)', { completes: 'file' }),
    newKey: flag.on('make one more key of the first admin, when all are lost'),
    logLevel: flag.oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'how much the server logs', {
      fallback: 'warn',
    }),
  },
  examples: [
    { line: 'up', about: 'for this machine only' },
    { line: 'up --data /srv/nabla --host 0.0.0.0 --allow-host nabla.example.com', about: 'for others too' },
    { line: 'up --database postgres://nabla@db/nabla', about: 'with PostgreSQL' },
    { line: 'up --config nabla.yaml --log-level info', about: 'with a settings file' },
  ],
  async run(context, _, flags) {
    const { config: file, engine, allowHost, newKey, ...options } = flags
    const given = {
      // A person watches: what is worth a line to an operator is noise here.
      ...(!context.io.variables['NABLA_LOG_LEVEL'] && { logLevel: 'warn' }),
      ...(file === undefined ? {} : await parseSettings(await readSettingsText(context, file), file)),
      ...present(options),
      ...(flags.data !== undefined && { data: resolve(context.cwd, flags.data) }),
      ...(engine.length > 0 && { engines: engine }),
      ...(allowHost.length > 0 && { allowHosts: allowHost }),
    }
    const server = await start(context, given, newKey)
    const interrupted = new Promise<void>((done) => {
      context.io.onInterrupt(done)
      process.once('SIGTERM', done)
    })
    await say(context, server)
    await interrupted
    context.out.note('\nStopping. Jobs that run go on running.')
    await server.close()
    return exitCodes.ok.code
  },
})

async function start(context: Context, given: Record<string, unknown>, newKey: boolean): Promise<RunningServer> {
  context.out.status('Starting…')
  const [{ startServer }, { loadConfig }] = await Promise.all([import('@nabla/server'), import('@nabla/server/config')])
  try {
    return await startServer(loadConfig(given, context.io.variables), { newKey })
  } catch (error) {
    if (systemCode(error) === 'EADDRINUSE') {
      const port = String((error as { port?: number }).port ?? given['port'])
      throw new CliError(
        `Port ${port} is taken.`,
        'Choose another with --port, or stop what listens there.',
        'conflict',
        error,
      )
    }
    if (systemCode(error) === 'EADDRNOTAVAIL') {
      throw usageError('This machine has no such address.', 'Choose one of its own with --host.')
    }
    if (systemCode(error) === 'ENOSPC') {
      throw new CliError(
        'The disk is full.',
        'Free space on it, or name a folder on another with --data.',
        'failure',
        error,
      )
    }
    // The server words its problems as the API does.
    if (error instanceof Error && error.name === 'AppError' && 'hint' in error) {
      throw new CliError(error.message, String(error.hint), 'failure', error)
    }
    throw error
  }
}

async function say({ out, settings }: Context, server: RunningServer): Promise<void> {
  const { url, firstKey, signInCode, config, findings } = server
  const signIn = signInCode === null ? null : signInLink(url, signInCode)
  if (out.json) {
    await out.value({ url, key: firstKey, signIn, data: config.data, findings })
    return
  }
  await out.line(`${out.style(['green', 'bold'], '✔')} Nabla is up at ${out.style(['cyan', 'bold'], url)}`)
  await out.line(out.style('dim', `  data ${config.data} · console ${url} · reference ${url}/docs`))
  for (const { level, topic, message, hint } of findings) {
    const sign = { ok: out.style('green', '✔'), warning: out.style('yellow', '!'), problem: out.style('red', '✖') }[
      level
    ]
    await out.line(`${sign} ${out.style('bold', topic)}: ${message}`)
    if (level !== 'ok' && hint !== undefined) await out.line(out.style('dim', `  ${hint}`))
  }
  if (firstKey !== null) {
    await out.line()
    await out.line('Open the console, signed in as the admin; the link works once, for ten minutes:')
    await out.line()
    await out.line(`  ${out.style('bold', signIn ?? url)}`)
    await out.line()
    await out.line('Here is a key of the admin. It is shown only now; log in with:')
    await out.line()
    await out.line(`  ${out.style('bold', `nabla login --url ${quoteWord(url)} --key ${quoteWord(firstKey)}`)}`)
  }
  await out.line()
  await out.line(
    `${firstKey === null ? 'Next' : 'Then'}, in the folder of your code: ${out.style('cyan', 'nabla run -- python train.py')}`,
  )
  if (settings.url !== undefined && settings.url !== url)
    out.note(`Note that NABLA_URL names another server: ${settings.url}`)
  await out.line(out.style('dim', 'Ctrl-C stops the server; jobs run on.'))
}

function present(options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
