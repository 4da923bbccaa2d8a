import { CliError, usageError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { readProfiles, writeProfiles } from '../profiles.ts'
import { askSecret, askText, canAsk, readStdin } from '../terminal/prompts.ts'
import { defaultUrl, normalizeUrl } from '../target.ts'

export const login = defineCommand({
  name: 'login',
  about: 'Log in to a server and remember the key',
  details: `
Checks the key and keeps it in ~/.config/nabla/config.json, readable for you alone.
Logins to several servers are kept; the last one is used where none is named.`,
  examples: [
    { line: 'login', about: 'asks for the address and the key' },
    { line: 'login --url http://127.0.0.1:7070 --key nabla_…', about: 'as `nabla up` prints it' },
    { line: 'login --url https://nabla.example.com < key.txt', about: 'the key from a file' },
  ],
  async run(context) {
    const { out, settings, global } = context
    const profiles = await readProfiles(settings.configFile)
    const url = normalizeUrl(global.url ?? settings.url ?? (await askUrl(context, profiles.current ?? defaultUrl)))
    const key = global.key ?? settings.key ?? (await askKey(context, url))
    if (key === '') throw usageError('No key was given.', 'Give it with --key, or on standard input.')
    const { clientOf } = await import('../client.ts')
    const me = await clientOf(url, key).user.me()
    const profile = { key, user: me.user.name, team: me.team.name }
    await writeProfiles(settings.configFile, { current: url, servers: { ...profiles.servers, [url]: profile } })
    if (out.json) await out.value({ url, ...me })
    else out.note(`Logged in to ${url} as ${out.styleNote('bold', me.user.name)}, team ${me.team.name}.`)
  },
})

export const logout = defineCommand({
  name: 'logout',
  about: 'Forget the key of a server',
  details: '\nThe key itself stays valid: `nabla key revoke` ends it.',
  examples: [
    { line: 'logout', about: 'from the server in use' },
    { line: 'logout --url https://nabla.example.com', about: 'from another one' },
  ],
  async run(context) {
    const { out, settings } = context
    const profiles = await readProfiles(settings.configFile)
    const { url } = await context.target()
    if (!profiles.servers[url]) {
      throw new CliError(`There is no login to ${url}.`, 'Run `nabla whoami` to see which server is used.', 'notFound')
    }
    const { [url]: _, ...servers } = profiles.servers
    const current = profiles.current === url ? Object.keys(servers)[0] : profiles.current
    await writeProfiles(settings.configFile, { servers, ...(current !== undefined && { current }) })
    if (out.json) await out.value({ url, current: current ?? null })
    else out.note(`Logged out of ${url}.${current === undefined ? '' : ` Now using ${current}.`}`)
  },
})

export const whoami = defineCommand({
  name: 'whoami',
  about: 'Show who you are and which server you use',
  examples: [
    { line: 'whoami', about: 'server, user, team and key' },
    { line: 'whoami --json', about: 'for a script' },
  ],
  async run(context) {
    const { out } = context
    const { url, source } = await context.target()
    const me = await (await context.client()).user.me()
    if (out.json) {
      await out.value({ url, ...me })
      return
    }
    const origin = { flag: '--url', environment: 'NABLA_URL', login: 'the last login', default: 'nobody named another' }
    await out.fields([
      ['user', out.style('bold', me.user.name)],
      ['team', `${me.team.name} (${me.role})`],
      ['key', me.key === null ? '' : `${me.key.name}${until(me.key)}`],
      ['server', `${url} ${out.style('dim', `(${origin[source]})`)}`],
    ])
  },
})

const until = ({ expiresAt }: { expiresAt: string | null }): string =>
  expiresAt === null ? '' : `, until ${expiresAt.slice(0, 10)}`

async function askUrl(context: Context, initial: string): Promise<string> {
  return canAsk(context) ? askText(context, 'Address of the server', initial, 'Give --url.') : initial
}

async function askKey(context: Context, url: string): Promise<string> {
  if (!context.io.stdin.isTTY) return (await readStdin(context)).trim()
  return askSecret(context, `API key for ${url} (it is not shown)`, 'Give --key, or the key on standard input.')
}
