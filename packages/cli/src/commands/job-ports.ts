import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { calls } from '@nabla/api/calls'
import { CliError, usageError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { openSocket } from '../exec/connection.ts'
import { arg, flag } from '../flags.ts'
import { openBrowser } from '../open-browser.ts'

export const openPort = defineCommand({
  name: 'open',
  about: 'Open what a job serves at a port in your browser, signed in',
  details: `
Every port has an address of its own that stays the same. The link signs in one browser, once and within
a minute. Where there is no screen, or with --print, it is printed. A program sends your API key, or the
token that --json shows, in \`Authorization: Bearer\`.`,
  args: {
    job: arg.required('name or id of the job', 'job'),
    port: arg.optional('one of its ports (default: the first)'),
  },
  flags: {
    path: flag.text('path', 'page to open', { fallback: '/' }),
    print: flag.on('print the link, and open nothing'),
  },
  examples: [
    { line: 'job open train-7', about: 'its first port' },
    { line: 'job open train-7 6006 --path /#scalars', about: 'a page of another' },
    { line: 'job open train-7 8080 --json', about: 'address and token, for a program' },
  ],
  async run(context, { job, port }, { path, print }) {
    const { out } = context
    const client = await context.client()
    const body = path === undefined ? {} : { path: path.startsWith('/') ? path : `/${path}` }
    const link = await client.job.openPort({ job, port: port ?? (await firstPort(context, job)), body })
    if (out.json) await out.value(link)
    else if (print || !(await openBrowser(context, link.url))) await out.line(link.url)
    else out.note(`Opened ${link.address} in your browser.`)
  },
})

export const forward = defineCommand({
  name: 'forward',
  about: 'Reach a port of a job at a port of this machine',
  details: '\nConnections go through the server, with your key. Any protocol works. Ends with Ctrl-C.',
  args: {
    job: arg.required('name or id of the job', 'job'),
    port: arg.required('port of the job, or PORT:LOCAL for another one here'),
  },
  examples: [
    { line: 'job forward train-7 6006', about: 'then open http://localhost:6006' },
    { line: 'job forward train-7 8080:9000', about: 'at port 9000 of this machine' },
  ],
  async run(context, args) {
    const { out, io } = context
    const { port, local } = readPorts(args.port)
    const client = await context.client()
    const { items } = await client.job.ports({ job: args.job })
    if (!items.some((item) => item.port === port)) await client.job.openPort({ job: args.job, port, body: {} })
    const server = await listen(local, (near) => void join(context, near, args.job, port))
    const { port: bound } = server.address() as { port: number }
    if (out.json) await out.value({ job: args.job, port, local: bound })
    else out.note(`Port ${port} of ${args.job} is at 127.0.0.1:${bound}. End with Ctrl-C.`)
    await new Promise<void>((resolve) => io.onInterrupt(resolve))
    server.close()
  },
})

async function firstPort({ client: connect }: Context, job: string): Promise<number> {
  const client = await connect()
  const [first] = (await client.job.ports({ job })).items
  if (first) return first.port
  throw new CliError(
    `Job ${job} has no ports.`,
    'Name them when it is submitted: `nabla run --port 8080 …`.',
    'notFound',
  )
}

function readPorts(text: string): { port: number; local: number } {
  const [, port, local] = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(text) ?? []
  if (port === undefined)
    throw usageError(`${JSON.stringify(text)} is no port.`, 'Give one such as 8080, or 8080:9000.')
  return { port: Number(port), local: Number(local ?? port) }
}

async function listen(port: number, onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ noDelay: true }, onConnection)
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new CliError(`Port ${port} of this machine is taken.`, 'Choose another: PORT:LOCAL.', 'conflict', error)
  }
  return server
}

async function join(context: Context, near: Socket, job: string, port: number): Promise<void> {
  near.on('error', () => near.destroy())
  try {
    const { createWebSocketStream } = await import('ws')
    const far = createWebSocketStream(await openSocket(context, calls.job.forwardPort, { job, port }))
    far.on('error', () => near.destroy())
    near.on('close', () => far.destroy())
    near.pipe(far).pipe(near)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    context.out.warn(error.message)
    near.destroy()
  }
}
