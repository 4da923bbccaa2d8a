import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createExperiment, type Experiment } from '@nabla/api/experiment'
import type { WorkspaceSource } from '@nabla/api/workspace'
import { stringify } from 'yaml'
import type { z } from 'zod'
import { systemCode, usageError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { checkDatasets, readSpec, sendWorkspace } from '../job/submit.ts'
import { findProject, writeProject } from '../project-file.ts'
import { quoteWord, toCommandLine } from '../quote.ts'
import { readSource, type Source } from '../workspace/source.ts'
import { type ExperimentFile, readExperimentFile } from './file.ts'
import { type ExperimentFlags, notGiven, roleNames } from './flags.ts'

type Body = z.input<typeof createExperiment>
type Fields = Record<string, unknown>

/**
 * Makes an experiment of a file, of options, or of both; checks it, sends its files, creates it. Answers undefined when
 * it was only to be checked or written to a file. Throws CliError for what is wrong on this side, before anything is
 * sent. With `search`, what options say of it, it is a sweep.
 */
export async function submitExperiment(
  context: Context,
  words: readonly string[],
  flags: ExperimentFlags,
  start: boolean,
  search?: Fields,
): Promise<Experiment | undefined> {
  const { workspace, ...asked } = await readAsked(context, words, flags, search)
  const project = await findProject(context, flags.project ?? (asked['project'] as string | undefined))
  const fields = { ...asked, project: project.name }
  const text = typeof workspace === 'object' ? undefined : ((workspace as string | undefined) ?? '.')
  const source: Source | undefined = text === undefined ? undefined : await readSource(text, context.cwd)
  check({ ...fields, ...(source ? {} : { workspace }) })
  const written = { ...fields, workspace: text ?? workspace }
  if (flags.createOptionsFile !== undefined) return writeOptions(context, flags.createOptionsFile, written)
  if (flags.dryRun) return showRequest(context, written)
  await checkDatasets(context, fields as Parameters<typeof checkDatasets>[1])
  const writes = !context.out.json && !flags.noInit && project.source !== 'flag' && project.source !== 'file'
  if (writes) await writeProject(context, project.name)
  const sent = source ? await sendWorkspace(context, source, { ...flags, ...notGiven }) : workspace
  const body = { ...fields, workspace: sent as WorkspaceSource, start, cliCommand: commandLine(context.words) }
  const client = await context.client()
  return client.experiment.create({ body: body as Body })
}

/** What the file says, and over it what the options say. */
async function readAsked(
  context: Context,
  words: readonly string[],
  flags: ExperimentFlags,
  search: Fields | undefined,
): Promise<Fields> {
  const file = flags.file === undefined ? undefined : await readExperimentFile(context.cwd, flags.file)
  const spec = await readSpec(context, { ...flags, ...notGiven } as never)
  const given = Object.entries({ ...spec, note: flags.note }).filter(([, value]) => isGiven(value))
  const fields: Fields = { ...file, ...Object.fromEntries(given) }
  if (file && isGiven(spec.env)) fields['env'] = { ...(file['env'] as object | undefined), ...spec.env }
  if (flags.workspace !== undefined) fields['workspace'] = flags.workspace
  if (search) {
    const command = words.length > 0 ? { command: toCommandLine(words) } : {}
    return { ...fields, kind: 'sweep', ...command, search: { ...(file?.['search'] as object | undefined), ...search } }
  }
  return { ...fields, ...readKind(words, flags, file) }
}

/** Neither left out nor an empty list or table, which is what an option is that was not given. */
function isGiven(value: unknown): boolean {
  if (value === undefined) return false
  return typeof value !== 'object' || value === null || Object.keys(value).length > 0
}

function readKind(words: readonly string[], flags: ExperimentFlags, file: ExperimentFile | undefined): Fields {
  const roles = readRoles(flags)
  if (roles.length > 0 && words.length > 0) {
    const hint = 'Leave out the command behind the two dashes, or the roles: a single experiment has no roles.'
    throw usageError('Several nodes have a command for each role, and none besides.', hint)
  }
  const single = words.length > 0 ? { command: toCommandLine(words) } : {}
  const limit = flags.startLimit === undefined ? {} : { startLimitSeconds: flags.startLimit }
  const scheme = flags.scheme === undefined ? {} : { scheme: flags.scheme }
  if (file) return { ...single, ...(roles.length > 0 ? { roles } : {}), ...scheme, ...limit }
  if (roles.length > 0) return { kind: 'multi-node', scheme: flags.scheme ?? schemeOf(roles), roles, ...limit }
  if (words.length > 0) return { kind: 'single', ...single }
  throw usageError(
    'There is nothing to run.',
    'Write a command after two dashes, give --worker-command and so on, or a file: nabla experiment run -f experiment.yaml',
  )
}

interface Role {
  name: string
}

function readRoles(flags: ExperimentFlags): Role[] {
  return roleNames.flatMap((name) => {
    const [command, count] = [flags[`${name}Command`], flags[`${name}Count`]]
    const [machineType, image] = [flags[`${name}MachineType`], flags[`${name}Image`]]
    const given = Object.entries({ command, count, machineType, image }).filter(([, value]) => value !== undefined)
    return given.length === 0 ? [] : [{ name, ...Object.fromEntries(given) }]
  })
}

function schemeOf(roles: readonly Role[]): string {
  if (roles.some(({ name }) => name === 'ps')) return 'tensorflow'
  if (roles.some(({ name }) => name === 'master')) return 'mpi'
  const hint = 'Add --scheme pytorch, jax, tensorflow, mpi or none.'
  throw usageError('It is not said how the workers find each other.', hint)
}

/** Refuses what the server would refuse by its form. */
function check(fields: Fields): void {
  const [issue] = createExperiment.safeParse(fields).error?.issues ?? []
  if (!issue) return
  const name = issue.path.join('.')
  const what = issue.code === 'unrecognized_keys' ? `${issue.keys.join(', ')} is not for this kind` : issue.message
  throw usageError(`${name === '' ? 'It' : name} cannot be so: ${what}.`, 'See `nabla experiment run --help`.')
}

async function writeOptions({ cwd, out }: Context, file: string, fields: Fields): Promise<undefined> {
  try {
    await writeFile(resolve(cwd, file), toYaml(fields))
  } catch (error) {
    throw usageError(`The file ${file} cannot be written (${systemCode(error) ?? String(error)}).`, 'Check its path.')
  }
  out.note(`Written. Run it with: nabla experiment run -f ${quoteWord(file)}`)
}

async function showRequest({ out }: Context, fields: Fields): Promise<undefined> {
  if (out.json) await out.value(fields)
  else await out.write(toYaml(fields))
}

const toYaml = (fields: Fields): string => stringify(fields, { lineWidth: 100 })

/** As it was typed, but for a token that was typed with it: it is kept for all to see. */
function commandLine(words: readonly string[]): string {
  const hidden = words.map((word, index) => {
    if (words[index - 1] === secretFlag && !word.startsWith('secret:')) return '***'
    const inline = word.startsWith(`${secretFlag}=`) && !word.startsWith(`${secretFlag}=secret:`)
    return inline ? `${secretFlag}=***` : word
  })
  return ['nabla', ...hidden.map(quoteWord)].join(' ')
}

const secretFlag = '--workspace-password'
