import type { Client } from '@nabla/api/client'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { arg, flag } from '../flags.ts'
import { openBrowser } from '../open-browser.ts'
import { readStdin } from '../terminal/prompts.ts'
import { formatTime } from '../terminal/format.ts'
import { LogPrinter } from '../terminal/log-printer.ts'

const which = arg.required('name or id of the deployment')

export const logs = defineCommand({
  name: 'logs',
  about: 'Show the log of an instance',
  details: '\nWithout --instance it is that of the newest one.',
  args: { deployment: which },
  flags: {
    instance: flag.text('name', 'name or id of the instance', { fallback: 'the newest' }),
    follow: flag.on('go on until it has ended', { short: 'f' }),
    tail: flag.whole('lines', 'only the last lines', { short: 'n' }),
    source: flag.oneOf(['stdout', 'stderr', 'system'], 'only what came from there'),
  },
  examples: [
    { line: 'deployment logs iris --follow', about: 'of the newest instance, until its end' },
    { line: 'deployment logs iris --instance r3-x8k2p -n 50', about: 'the last lines of one' },
  ],
  async run(context, { deployment }, { instance, follow, tail, source }) {
    const { out } = context
    const client = await context.client()
    const { items } = await client.deployment.instances({ deployment })
    const chosen = instance ?? items[0]?.name
    if (chosen === undefined) {
      out.note(`${deployment} has had no instance yet.`)
      return
    }
    const only = source === undefined ? {} : { source }
    const named = { deployment, instance: chosen, ...only }
    const page = await client.deployment.logs({ ...named, ...(tail === undefined ? {} : { tail }) })
    const printer = new LogPrinter(out, { timestamps: false })
    let after = page.next
    if (out.json && !follow) await out.value(page.items)
    else for (const line of page.items) await printer.print({ ...line, lines: 1 })
    // A page holds so many lines; the rest follows it.
    if (!follow && tail === undefined && !out.json) {
      for (let next = page; next.items.length > 0;) {
        next = await client.deployment.logs({ ...named, after })
        for (const line of next.items) await printer.print({ ...line, lines: 1 })
        after = next.next
      }
    }
    if (!follow) return
    for await (const { data } of client.deployment.followLogs({ ...named, after })) await printer.print(data)
  },
})

export const history = defineCommand({
  name: 'history',
  about: 'Show the revisions of a deployment: who made them, and what they changed',
  args: { deployment: which },
  examples: [{ line: 'deployment history iris', about: 'newest first; go back with `deployment rollback`' }],
  async run(context, { deployment }) {
    const { out } = context
    const client = await context.client()
    const { items } = await client.deployment.revisions({ deployment })
    if (out.json) {
      await out.value(items)
      return
    }
    await out.table(items, [
      { title: 'REVISION', rank: 0, align: 'right', value: ({ number }) => String(number) },
      { title: 'STATE', rank: 0, value: ({ state }) => state },
      { title: 'BY', rank: 2, value: ({ createdBy }) => createdBy.name },
      { title: 'CREATED', rank: 1, value: ({ createdAt }) => formatTime(createdAt) },
      { title: 'CHANGED', rank: 3, shrinkTo: 20, value: ({ changes }) => changes.map(wordsOf).join(', ') },
    ])
  },
})

export const predict = defineCommand({
  name: 'predict',
  about: 'Send a request to a deployment, and show its answer',
  details: `
The body is --data, the file behind an @, or what comes on standard input with \`-\`. Without one it
is a GET. The equal curl command is shown too.`,
  args: { deployment: which },
  flags: {
    data: flag.text('json', 'the body; @FILE reads it, - takes standard input', { short: 'd' }),
    path: flag.text('path', 'path and query', { fallback: '/, or that of the model' }),
    method: flag.oneOf(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'], 'method', { fallback: 'by the body' }),
    header: flag.texts('name:value', 'a header', { short: 'H' }),
  },
  examples: [
    { line: `deployment predict iris --data '{"instances": [[5.1, 3.5, 1.4, 0.2]]}'`, about: 'a model' },
    { line: 'deployment predict shop --path /health', about: 'a GET' },
    { line: 'deployment predict iris --data @request.json --json', about: 'the whole answer, for a script' },
  ],
  async run(context, { deployment }, flags) {
    const { out } = context
    const client = await context.client()
    const body = flags.data === undefined ? null : await readData(context, flags.data)
    const path = flags.path ?? (await pathOf(client, deployment, body !== null))
    const headers = Object.fromEntries([
      ...(body === null ? [] : [['content-type', 'application/json'] as const]),
      ...flags.header.map((text) => splitHeader(text)),
    ])
    const method = flags.method ?? (body === null ? 'GET' : 'POST')
    const answer = await client.deployment.send({ deployment, body: { method, path, headers, body } })
    if (out.json) await out.value(answer)
    else {
      await out.line(answer.body)
      out.note(`${answer.status} in ${answer.durationMs} ms`)
      out.note(answer.curl)
    }
    return answer.status < 400 ? 0 : 1
  },
})

export const openDeployment = defineCommand({
  name: 'open',
  about: 'Open what a deployment serves in your browser, signed in',
  args: { deployment: which },
  flags: {
    path: flag.text('path', 'page to open', { fallback: '/' }),
    print: flag.on('print the link, and open nothing'),
  },
  examples: [{ line: 'deployment open shop --path /docs', about: 'a page of it' }],
  async run(context, { deployment }, { path, print }) {
    const { out } = context
    const client = await context.client()
    const body = path === undefined ? {} : { path: path.startsWith('/') ? path : `/${path}` }
    const link = await client.deployment.open({ deployment, body })
    if (out.json) await out.value(link)
    else if (print || !(await openBrowser(context, link.url))) await out.line(link.url)
    else out.note(`Opened ${link.address} in your browser.`)
  },
})

/** Where the built-in server answers for the model; `/` of everything else. */
async function pathOf(client: Client, deployment: string, hasBody: boolean): Promise<string> {
  const { spec, models } = await client.deployment.show({ deployment })
  if (spec.command !== null || spec.model === null || models[0] === undefined) return '/'
  return hasBody ? `/v1/models/${models[0].name}:predict` : `/v1/models/${models[0].name}`
}

async function readData(context: Context, text: string): Promise<string> {
  if (text === '-') return readStdin(context)
  if (!text.startsWith('@')) return text
  const [{ readFile }, { resolve }] = await Promise.all([import('node:fs/promises'), import('node:path')])
  const { systemCode, usageError } = await import('../cli-error.ts')
  try {
    return await readFile(resolve(context.cwd, text.slice(1)), 'utf8')
  } catch (error) {
    throw usageError(
      `The file ${text.slice(1)} cannot be read (${systemCode(error) ?? String(error)}).`,
      'Check its path.',
    )
  }
}

function splitHeader(text: string): readonly [string, string] {
  const at = text.indexOf(':')
  return at < 0 ? [text.trim(), ''] : [text.slice(0, at).trim(), text.slice(at + 1).trim()]
}

function wordsOf({ field, before, after }: { field: string; before?: unknown; after?: unknown }): string {
  const short = (value: unknown) => (value === undefined ? 'none' : JSON.stringify(value).slice(0, 60))
  return `${field} ${short(before)} → ${short(after)}`
}
