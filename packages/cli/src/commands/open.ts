import type { Client } from '@nabla/api/client'
import { CliError, isApiError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { arg, flag } from '../flags.ts'
import { openBrowser } from '../open-browser.ts'
import { signInLink } from '../sign-in-link.ts'

export const open = defineCommand({
  name: 'open',
  about: 'Open the web console, signed in',
  details: `
Makes a link that signs one browser in as you, once and within ten minutes, and opens it.
Where there is no screen, or with --print, the link is printed.`,
  args: { resource: arg.optional('a job or project, by name or id; or a page such as /jobs', 'job') },
  flags: { print: flag.on('print the link, and open nothing') },
  examples: [
    { line: 'open', about: 'the console' },
    { line: 'open wiggly-river-42', about: 'a job' },
    { line: 'open --print', about: 'the link, to open it on another machine' },
  ],
  async run(context, { resource }, { print }) {
    const { out } = context
    const client = await context.client()
    const page = resource === undefined ? undefined : await pageOf(client, resource)
    const { code, expiresAt } = await client.session.createCode()
    const { url } = await context.target()
    const link = signInLink(url, code, page)
    if (out.json) await out.value({ url: link, expiresAt })
    else if (print || !(await openBrowser(context, link))) await out.line(link)
    else out.note(`Opened ${url}${page ?? ''} in your browser.`)
  },
})

/** The page of the console that shows what was named. */
async function pageOf(client: Client, reference: string): Promise<string> {
  if (reference.startsWith('/')) return reference
  const looks = [
    async () => `/jobs/${(await client.job.show({ job: reference })).id}`,
    async () => `/projects/${(await client.project.show({ project: reference })).id}`,
  ]
  for (const look of looks) {
    try {
      return await look()
    } catch (error) {
      if (!isApiError(error) || error.status !== 404) throw error
    }
  }
  throw new CliError(
    `There is no job or project ${reference}.`,
    'See `nabla job list` and `nabla project list`.',
    'notFound',
  )
}
