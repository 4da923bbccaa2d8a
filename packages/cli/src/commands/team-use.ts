import { hostname } from 'node:os'
import type { Client } from '@nabla/api/client'
import type { Team } from '@nabla/api/team'
import type { Identity } from '@nabla/api/user'
import { CliError, isApiError, usageError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { arg } from '../flags.ts'
import { limits } from '../limits.ts'
import { readProfiles, writeProfiles } from '../profiles.ts'

const dayMs = 86_400_000

export const use = defineCommand({
  name: 'use',
  about: 'Act in another of your teams from here on',
  details: `
A key acts in one team. The first time, this makes one more for you in that team,
named after this machine, which expires when the present one does; it is kept
beside the login. Back and forth it takes the keys that are kept.`,
  args: { team: arg.required('name or id of one of your teams', 'team') },
  examples: [
    { line: 'team use vision', about: 'jobs, storage and secrets are those of vision now' },
    { line: 'team use main', about: 'and back' },
  ],
  async run(context, args) {
    const { out, settings, global } = context
    if (global.key !== undefined || settings.key !== undefined) {
      throw usageError(
        'A key that is given by --key or NABLA_API_KEY acts in its own team.',
        'Give a key of the other team, or log in with `nabla login` and leave it out.',
      )
    }
    const client = await context.client()
    const me = await client.user.me()
    const team = await findTeam(client, args.team)
    if (team.id !== me.team.id) await switchTo(context, me, team)
    if (out.json) await out.value({ team: { id: team.id, name: team.name }, role: team.role })
    else out.note(`${team.id === me.team.id ? 'You act' : 'From here on you act'} in the team ${team.name}.`)
  },
})

/** One of the caller's teams by its id or name. */
async function findTeam(client: Client, reference: string): Promise<Team> {
  const teams: Team[] = []
  let after: string | null = null
  do {
    const page: { items: Team[]; next: string | null } = await client.team.list({
      limit: limits.pageRows,
      ...(after !== null && { after }),
    })
    teams.push(...page.items)
    after = page.next
  } while (after !== null)
  const team = teams.find(({ id }) => id === reference) ?? teams.find(({ name }) => name === reference)
  if (team) return team
  throw new CliError(`You belong to no team ${reference}.`, 'Run `nabla team list` to see yours.', 'notFound')
}

/** Keeps the key of this team for later, and takes that of the other: the one that was kept, or a new one. */
async function switchTo(context: Context, me: Identity, team: Team): Promise<void> {
  const { settings } = context
  const { url, key: present } = await context.target()
  const profiles = await readProfiles(settings.configFile)
  const { keys = {}, ...profile } = profiles.servers[url] ?? {}
  const kept = keys[team.id]
  const key = kept !== undefined && (await actsIn(team, url, kept)) ? kept : await makeKey(context, me, team)
  const all = { ...keys, ...(present !== undefined && { [me.team.id]: present }), [team.id]: key }
  const servers = { ...profiles.servers, [url]: { ...profile, key, team: team.name, keys: all } }
  await writeProfiles(settings.configFile, { ...profiles, servers })
}

/** Whether a key that was kept still does: it may have been revoked, or have expired. */
async function actsIn(team: Team, url: string, key: string): Promise<boolean> {
  const { clientOf } = await import('../client.ts')
  try {
    return (await clientOf(url, key).user.me()).team.id === team.id
  } catch (error) {
    if (isApiError(error) && error.status === 401) return false
    throw error
  }
}

async function makeKey(context: Context, { key }: Identity, team: Team): Promise<string> {
  const client = await context.client()
  const leftMs = key?.expiresAt == null ? undefined : Date.parse(key.expiresAt) - context.io.now()
  const expiry = leftMs === undefined ? {} : { expiresInDays: Math.max(1, Math.floor(leftMs / dayMs)) }
  const { secret } = await client.key.create({ body: { name: hostname() || 'nabla', team: team.id, ...expiry } })
  return secret
}
