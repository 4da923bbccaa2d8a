import { type Registry, registryRoutes } from '@nabla/api/registry'
import { usageError } from '../cli-error.ts'
import { defineCommand, type Group } from '../command.ts'
import type { Context } from '../context.ts'
import { arg, flag } from '../flags.ts'
import { callCommand, listCommand } from '../from-contract.ts'
import { formatAgo } from '../terminal/format.ts'
import { askSecret, canAsk, readStdin } from '../terminal/prompts.ts'

const list = listCommand<Registry>('registry', registryRoutes, {
  about: 'Show the registries that the team has logins for; passwords are never shown',
  columns: ({ io }) => [
    { title: 'NAME', rank: 0, value: ({ name }) => name },
    { title: 'HOST', rank: 0, shrinkTo: 12, value: ({ host }) => host },
    { title: 'USER', rank: 1, shrinkTo: 10, value: ({ username }) => username },
    { title: 'CHANGED', rank: 2, value: ({ updatedAt }) => formatAgo(updatedAt, io.now()) },
  ],
  empty: 'No registries. Store a login with: nabla registry create NAME --host ghcr.io --username ME',
  examples: [{ line: 'registry list', about: 'names, hosts and users' }],
})

const passwordFlags = {
  passwordStdin: flag.on('read the password from standard input'),
  passwordFromEnv: flag.text('variable', 'take the password from this variable'),
}

const create = defineCommand({
  name: 'create',
  about: 'Store a login for a registry of container images',
  details: `
Jobs of the team use it for every image of that host; where a team has several,
the first one, unless a job names another with --registry.
Without --password-stdin and --password-from-env the password is asked for.`,
  args: { name: arg.required('what to call it') },
  flags: {
    host: flag.text('host', 'as in front of an image: docker.io, ghcr.io, registry.example.com:5000'),
    username: flag.text('name', 'user name'),
    ...passwordFlags,
  },
  examples: [
    { line: 'registry create github --host ghcr.io --username ada', about: 'asks for the password' },
    {
      line: 'registry create hub --host docker.io --username ada --password-stdin < token',
      about: 'from a file',
    },
  ],
  async run(context, { name }, { host, username, ...flags }) {
    if (host === undefined || username === undefined) {
      throw usageError('A registry needs --host and --username.', 'Such as --host ghcr.io --username ada')
    }
    const password = await readPassword(context, flags)
    const client = await context.client()
    const registry = await client.registry.create({ body: { name, host, username, password } })
    if (context.out.json) await context.out.value(registry)
    else context.out.note(`Stored the login of ${username} at ${registry.host} as ${name}.`)
  },
})

const update = defineCommand({
  name: 'update',
  about: 'Rename a registry, or replace its login',
  args: { registry: arg.required('name or id of the registry') },
  flags: {
    name: flag.text('name', 'its new name'),
    host: flag.text('host', 'another host, with its password'),
    username: flag.text('name', 'another user name'),
    ...passwordFlags,
  },
  examples: [
    { line: 'registry update github --password-stdin < token', about: 'a new password' },
    { line: 'registry update github --name work', about: 'another name' },
  ],
  async run(context, { registry }, { name, host, username, ...flags }) {
    const wantsPassword = flags.passwordStdin || flags.passwordFromEnv !== undefined
    const body = {
      ...(name !== undefined && { name }),
      ...(host !== undefined && { host }),
      ...(username !== undefined && { username }),
      ...(wantsPassword && { password: await readPassword(context, flags) }),
    }
    const client = await context.client()
    const updated = await client.registry.update({ registry, body })
    if (context.out.json) await context.out.value(updated)
    else context.out.note(`Updated ${updated.name}`)
  },
})

const show = callCommand<Registry>('registry', registryRoutes, 'show', {
  name: 'show',
  about: 'Show one registry, without its password',
  examples: [{ line: 'registry show github', about: 'its host and user' }],
  print: ({ io, out }, { id, name, host, username, updatedAt }) =>
    out.fields([
      ['name', name],
      ['id', id],
      ['host', host],
      ['user', username],
      ['changed', formatAgo(updatedAt, io.now())],
    ]),
})

const remove = callCommand('registry', registryRoutes, 'delete', {
  name: 'delete',
  about: 'Delete the login of a registry',
  examples: [{ line: 'registry delete github', about: 'images that are here stay' }],
  print: async ({ out }, _, { registry }) => out.note(`Deleted registry ${String(registry)}`),
})

export const registry: Group = {
  name: 'registry',
  about: 'Logins for registries of container images',
  commands: [list, create, show, update, remove],
}

/** A password from standard input, a variable, or the person at the terminal. Throws CliError for an empty one. */
export async function readPassword(
  context: Context,
  flags: { passwordStdin: boolean; passwordFromEnv?: string | undefined },
): Promise<string> {
  const password = await givenPassword(context, flags)
  if (password === '') throw usageError('The password is empty.', 'Give --password-stdin or --password-from-env.')
  return password
}

async function givenPassword(
  context: Context,
  { passwordStdin, passwordFromEnv }: { passwordStdin: boolean; passwordFromEnv?: string | undefined },
): Promise<string> {
  if (passwordFromEnv !== undefined) {
    const value = context.io.variables[passwordFromEnv]
    if (value === undefined) throw usageError(`The variable ${passwordFromEnv} is not set.`, 'Set it first.')
    return value
  }
  if (passwordStdin || !canAsk(context)) return readStdin(context)
  return askSecret(context, 'Password (it is not shown)', 'Give --password-stdin.')
}
