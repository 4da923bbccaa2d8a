import { type Secret, secretRoutes } from '@nabla/api/secret'
import { usageError } from '../cli-error.ts'
import { defineCommand, type Group } from '../command.ts'
import type { Context } from '../context.ts'
import { arg, flag } from '../flags.ts'
import { formatAgo } from '../terminal/format.ts'
import { callCommand, listCommand } from '../from-contract.ts'
import { askSecret, canAsk, readStdin } from '../terminal/prompts.ts'

const list = listCommand<Secret>('secret', secretRoutes, {
  about: 'Show the names of the secrets; values are never shown',
  columns: ({ io }) => [
    { title: 'NAME', rank: 0, value: (secret) => secret.name },
    {
      title: 'FOR',
      rank: 1,
      shrinkTo: 12,
      value: ({ project }) => (project ? `project ${project.name}` : 'the whole team'),
    },
    { title: 'CHANGED', rank: 2, value: (secret) => formatAgo(secret.updatedAt, io.now()) },
  ],
  empty: 'No secrets. Set one with: nabla secret set NAME',
  examples: [
    { line: 'secret list', about: 'those of the team and of its projects' },
    { line: 'secret list --project digits', about: 'those that jobs of a project get' },
  ],
})

const set = defineCommand({
  name: 'set',
  about: 'Set or replace a secret',
  details: `
Without --value and --from-env the value is asked for, or read from standard input.
A job gets it with --secret NAME, or as the value secret:NAME of a variable.`,
  args: { name: arg.required('name, as a variable is named', 'secret') },
  flags: {
    value: flag.text('text', 'the value; it stays in the history of your shell'),
    fromEnv: flag.text('variable', 'take the value of this variable'),
    project: flag.text('project', 'only for jobs of this project', { completes: 'project' }),
  },
  examples: [
    { line: 'secret set HF_TOKEN', about: 'asks for the value' },
    { line: 'secret set HF_TOKEN --from-env HF_TOKEN', about: 'from your environment' },
    { line: 'secret set SSH_KEY --project digits < id_ed25519', about: 'from a file' },
  ],
  async run(context, { name }, flags) {
    const { out } = context
    const value = await readValue(context, name, flags)
    if (value === '') throw usageError('The value is empty.', 'To remove a secret, use `nabla secret delete`.')
    const client = await context.client()
    const scope = flags.project === undefined ? {} : { project: flags.project }
    const secret = await client.secret.set({ name, ...scope, body: { value } })
    if (out.json) await out.value(secret)
    else out.note(`Set ${name}. Give it to a job with: nabla run --secret ${name} -- …`)
  },
})

const remove = callCommand('secret', secretRoutes, 'delete', {
  name: 'delete',
  about: 'Delete a secret',
  completes: 'secret',
  examples: [{ line: 'secret delete HF_TOKEN', about: 'jobs that name it can no longer start' }],
  print: async ({ out }, _, { name }) => out.note(`Deleted secret ${String(name)}`),
})

export const secret: Group = {
  name: 'secret',
  about: 'Values that jobs receive and nobody reads back',
  commands: [list, set, remove],
}

async function readValue(
  context: Context,
  name: string,
  flags: { value: string | undefined; fromEnv: string | undefined },
): Promise<string> {
  if (flags.value !== undefined) return flags.value
  if (flags.fromEnv !== undefined) {
    const value = context.io.variables[flags.fromEnv]
    if (value === undefined)
      throw usageError(`The variable ${flags.fromEnv} is not set.`, 'Set it, or leave --from-env out.')
    return value
  }
  if (canAsk(context)) return askSecret(context, `Value of ${name} (it is not shown)`, 'Give --value or --from-env.')
  return readStdin(context)
}
