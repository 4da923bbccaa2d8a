import { createDeployment, type Deployment, updateDeployment } from '@nabla/api/deployment'
import { parseModelReference } from '@nabla/api/model'
import { stringify } from 'yaml'
import type { z } from 'zod'
import { isApiError, usageError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { sendWorkspace } from '../job/submit.ts'
import { findProject } from '../project-file.ts'
import { quoteWord } from '../quote.ts'
import { readSource } from '../workspace/source.ts'
import type { DeploymentFlags, RolloutFlags } from './flags.ts'
import { type Fields, over, readDeploymentFile, readFields } from './read.ts'

interface Asked {
  model: string | undefined
  words: readonly string[]
  flags: DeploymentFlags & { project?: string | undefined }
}

/**
 * Makes a deployment of a model, a command or a file; checks it and sends its files before. With `upsert`, one of that
 * name that is there already is changed instead. Answers undefined when it was only to be checked. Throws CliError.
 */
export async function submitDeployment(
  context: Context,
  asked: Asked,
  { start, upsert, rollout }: { start: boolean; upsert?: boolean; rollout?: RolloutFlags },
): Promise<Deployment | undefined> {
  const fields = await readAsked(context, asked)
  const known = upsert && typeof fields['name'] === 'string' ? await find(context, fields['name']) : undefined
  if (known) {
    if (asked.flags.file === undefined) return change(context, known, asked, rollout)
    return replace(context, known, asked, fields, rollout)
  }
  const project = await findProject(context, asked.flags.project ?? (fields['project'] as string | undefined))
  const { workspace, ...spec } = { ...fields, project: project.name } as Fields
  check(createDeployment, spec)
  if (asked.flags.dryRun) return show(context, { ...spec, ...(workspace === undefined ? {} : { workspace }) })
  const sent = await send(context, workspace, asked)
  const client = await context.client()
  const body = { ...spec, ...sent, start, cliCommand: commandLine(context.words) }
  return client.deployment.create({ body: body as z.input<typeof createDeployment> })
}

/** Changes what options say; what they do not say stays. */
export async function updateOne(
  context: Context,
  reference: string,
  asked: Asked,
  rollout: RolloutFlags,
): Promise<Deployment | undefined> {
  const client = await context.client()
  const known = await client.deployment.show({ deployment: reference })
  if (asked.flags.file === undefined) return change(context, known, asked, rollout)
  return replace(context, known, asked, await readAsked(context, asked), rollout)
}

async function readAsked(context: Context, { model, words, flags }: Asked): Promise<Fields> {
  const file = flags.file === undefined ? {} : await readDeploymentFile(context.cwd, flags.file)
  const fields = over(file, await readFields(context, words, flags))
  if (model !== undefined) fields['model'] = model
  if (flags.workspace !== undefined) fields['workspace'] = flags.workspace
  const served = fields['model']
  if (fields['name'] === undefined && typeof served === 'string') fields['name'] = parseModelReference(served).model
  if (served === undefined && fields['command'] === undefined) {
    throw usageError(
      'There is nothing to serve.',
      'Name a model, write a command after two dashes, or give a file: nabla deploy -f deployment.yaml',
    )
  }
  return fields
}

async function change(
  context: Context,
  known: Deployment,
  { model, words, flags }: Asked,
  rollout: RolloutFlags | undefined,
): Promise<Deployment | undefined> {
  const { spec } = known
  const told = await readFields(context, words, flags)
  const joined = over({ env: spec.env, healthChecks: spec.healthChecks, bounds: spec.bounds }, told)
  const fields: Fields = {
    ...told,
    ...(told['env'] === undefined ? {} : { env: joined['env'] }),
    ...(told['healthChecks'] === undefined ? {} : { healthChecks: joined['healthChecks'] }),
    ...(told['bounds'] === undefined ? {} : { bounds: joined['bounds'] }),
    ...(model === undefined ? {} : { model }),
  }
  if (fields['name'] === known.name) delete fields['name']
  check(updateDeployment, fields)
  if (flags.dryRun) return show(context, fields)
  const wantsFiles = flags.workspace !== undefined || words.length > 0
  const sent = wantsFiles ? await send(context, flags.workspace, { model, words, flags }) : {}
  const client = await context.client()
  const body = { ...fields, ...sent, ...takingOver(rollout), cliCommand: commandLine(context.words) }
  return client.deployment.update({ deployment: known.id, body })
}

async function replace(
  context: Context,
  known: Deployment,
  asked: Asked,
  { name: _name, project: _project, tags: _tags, note: _note, workspace, ...spec }: Fields,
  rollout: RolloutFlags | undefined,
): Promise<Deployment | undefined> {
  check(createDeployment.pick({ command: true }).loose(), spec)
  check(createDeployment, { ...spec, project: known.project.id })
  if (asked.flags.dryRun) return show(context, spec)
  const sent = await send(context, workspace, asked)
  const client = await context.client()
  const body = { ...spec, ...sent, ...takingOver(rollout), cliCommand: commandLine(context.words) }
  return client.deployment.replace({ deployment: known.id, body })
}

async function send(context: Context, workspace: unknown, { words, flags }: Asked): Promise<Fields> {
  if (typeof workspace === 'object' && workspace !== null) return { workspace }
  // A model by itself needs no files; a command mostly is in this folder.
  const text = typeof workspace === 'string' ? workspace : words.length > 0 || flags.file !== undefined ? '.' : 'none'
  const source = await readSource(text, context.cwd)
  const login = { workspaceUsername: undefined, workspacePassword: undefined }
  return { workspace: await sendWorkspace(context, source, { ...flags, ...login }) }
}

const takingOver = (rollout: RolloutFlags | undefined): Fields => ({
  ...(rollout?.canary === undefined ? {} : { canaryPercent: rollout.canary }),
  ...(rollout?.shadow ? { shadow: true } : {}),
})

async function find(context: Context, name: string): Promise<Deployment | undefined> {
  try {
    return await (await context.client()).deployment.show({ deployment: name })
  } catch (error) {
    if (isApiError(error) && error.status === 404) return undefined
    throw error
  }
}

/** Refuses what the server would refuse by its form. */
function check(schema: z.ZodType, fields: Fields): void {
  const [issue] = schema.safeParse(fields).error?.issues ?? []
  if (!issue) return
  const name = issue.path.join('.')
  const what = issue.code === 'unrecognized_keys' ? `${issue.keys.join(', ')} is not known here` : issue.message
  throw usageError(`${name === '' ? 'It' : name} cannot be so: ${what}.`, 'See `nabla deploy --help`.')
}

async function show({ out }: Context, fields: Fields): Promise<undefined> {
  if (out.json) await out.value(fields)
  else await out.write(stringify(fields, { lineWidth: 100 }))
}

/** As it was typed, but for a password that was typed with it: it is kept for all to see. */
function commandLine(words: readonly string[]): string {
  const hidden = words.map((word, index) => {
    if (words[index - 1] === '--password' && !word.startsWith('secret:')) return '***'
    return word.startsWith('--password=') && !word.startsWith('--password=secret:') ? '--password=***' : word
  })
  return ['nabla', ...hidden.map(quoteWord)].join(' ')
}
