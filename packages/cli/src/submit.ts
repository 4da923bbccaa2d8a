import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { createJob, type Job } from '@nabla/api/job'
import type { WorkspaceSource } from '@nabla/api/workspace'
import type { z } from 'zod'
import { systemCode, usageError } from './cli-error.ts'
import type { Context } from './context.ts'
import { flag, inSection, kebab, type ValuesOf } from './flags.ts'
import { findProject, rememberJob, writeProject } from './project-file.ts'
import { toCommandLine } from './quote.ts'
import { uploadArchive, uploadFolder } from './upload.ts'
import { readSource } from './workspace/source.ts'

/** The options that describe a job, shared by `nabla run` and `nabla job create`. */
export const jobFlags = {
  name: flag.text('name', 'name of the job', { fallback: 'made up' }),
  project: flag.text('project', 'project it belongs to', {
    fallback: '.nabla/project.json, else the folder',
    completes: 'project',
  }),
  noInit: flag.on('write no .nabla/project.json'),
  tag: flag.texts('tag', 'tag to find it by'),
  machineType: flag.text('type', 'see `nabla machine-type list`', { completes: 'machine-type' }),
  image: flag.text('image', 'container image', { fallback: 'host: this machine is the image' }),
  ...inSection('Files', {
    workspace: flag.text('source', 'a folder, a .zip, .tar or .tar.gz file, a git address, or `none`', {
      fallback: 'this folder',
      completes: 'file',
    }),
    ignore: flag.texts('pattern', 'leave files out, as a line of .gitignore does'),
    workspaceRef: flag.text('ref', 'branch, tag or commit of a git workspace'),
    workspaceUsername: flag.text('name', 'user name for a git workspace'),
    workspacePassword: flag.text('token', 'token for a git workspace, or secret:NAME'),
    workingDir: flag.text('path', 'where the files are and the command starts', { fallback: '/paperspace' }),
    artifactsDir: flag.text('path', 'its files are kept after the job', { fallback: '/artifacts' }),
  }),
  ...inSection('Environment', {
    env: flag.texts('name=value', 'variable; a name alone takes the value from here', { short: 'e' }),
    envFile: flag.texts('file', 'file of variables', { completes: 'file' }),
    secret: flag.texts('name', 'secret as a variable; VAR=NAME to call it otherwise', { completes: 'secret' }),
    requirements: flag.text('file', 'Python requirements, installed if the file is there', {
      fallback: 'requirements.txt',
    }),
    noRequirements: flag.on('install no Python requirements'),
    port: flag.wholes('port', 'port that the command listens on', { short: 'p' }),
  }),
  ...inSection('Time and failure', {
    timeLimit: flag.duration('stop the job after this time', { fallback: 'none' }),
    retries: flag.whole('count', 'how often to start again after a failure', { fallback: '0' }),
    retryOn: flag.oneOf(['any', 'machine'], "which failures to start again after: any, or only the machine's"),
    priority: flag.whole('0-100', 'higher starts first', { fallback: '50' }),
  }),
}

export type JobFlags = ValuesOf<typeof jobFlags>
type Body = z.input<typeof createJob>

/**
 * Submits a job: finds its project, checks it, sends its files, creates it. Throws CliError for what is wrong on this
 * side, and does so before anything is sent.
 */
export async function submitJob(context: Context, words: readonly string[], flags: JobFlags): Promise<Job> {
  const { out } = context
  if (words.length === 0) {
    throw usageError('There is no command to run.', 'Write it after two dashes: nabla run -- python train.py')
  }
  const project = await findProject(context, flags.project)
  const source = await readSource(flags.workspace ?? '.', context.cwd)
  const spec = { ...(await readSpec(context, flags)), command: toCommandLine(words), project: project.name }
  check(spec)
  const writes = !out.json && !flags.noInit && project.source !== 'flag' && project.source !== 'file'
  if (writes) await writeProject(context, project.name)
  const workspace = await sendWorkspace(context, source, flags)
  const client = await context.client()
  const job = await client.job.create({ body: { ...spec, workspace } })
  await rememberJob(context, job.id)
  return job
}

/** Sends the files if they are here, and says where the server finds them. */
async function sendWorkspace(
  context: Context,
  source: Awaited<ReturnType<typeof readSource>>,
  flags: JobFlags,
): Promise<WorkspaceSource> {
  switch (source.from) {
    case 'nothing':
      return { from: 'nothing' }
    case 'folder':
      return { from: 'upload', id: (await uploadFolder(context, source.path, flags.ignore)).id }
    case 'archive':
      return { from: 'upload', id: (await uploadArchive(context, source.path)).id }
    case 'git':
      return {
        from: 'git',
        url: source.url,
        ...(flags.workspaceRef !== undefined && { ref: flags.workspaceRef }),
        ...(flags.workspaceUsername !== undefined && { username: flags.workspaceUsername }),
        ...(flags.workspacePassword !== undefined && { password: flags.workspacePassword }),
      }
    default:
      return source satisfies never
  }
}

async function readSpec(context: Context, flags: JobFlags): Promise<Omit<Body, 'command' | 'project'>> {
  const requirements = flags.noRequirements ? null : flags.requirements
  const spec = {
    name: flags.name,
    machineType: flags.machineType,
    image: flags.image,
    env: await readEnv(context, flags),
    ports: flags.port,
    workingDir: flags.workingDir,
    artifactsDir: flags.artifactsDir,
    requirements,
    timeLimitSeconds: flags.timeLimit,
    retries: flags.retries,
    retryOn: flags.retryOn,
    priority: flags.priority,
    tags: flags.tag,
  }
  const given = Object.entries(spec).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Omit<Body, 'command' | 'project'>
}

/** Files first, then --env, then --secret: what is nearer to the command wins. */
export async function readEnv(
  context: Context,
  flags: Pick<JobFlags, 'env' | 'envFile' | 'secret'>,
): Promise<Record<string, string>> {
  const env: Record<string, string> = {}
  for (const file of flags.envFile) Object.assign(env, await readEnvFile(context, file))
  for (const text of flags.env) {
    const [name, value] = splitAssignment(text)
    const found = value ?? context.io.variables[name]
    if (found === undefined) {
      throw usageError(`The variable ${name} is not set here.`, `Set it, or give its value: --env ${name}=value`)
    }
    env[name] = found
  }
  for (const text of flags.secret) {
    const [name, secret] = splitAssignment(text)
    env[name] = `secret:${secret ?? name}`
  }
  return env
}

async function readEnvFile({ cwd }: Context, file: string): Promise<Record<string, string | undefined>> {
  try {
    return parseEnv(await readFile(resolve(cwd, file), 'utf8'))
  } catch (error) {
    throw usageError(`The file ${file} cannot be read (${systemCode(error) ?? String(error)}).`, 'Check its path.')
  }
}

function splitAssignment(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

const flagOfField: Record<string, string> = { ports: 'port', tags: 'tag', timeLimitSeconds: 'timeLimit' }

/** Refuses what the server would refuse, before the files are sent. */
function check(spec: Body): void {
  const parsed = createJob.safeParse(spec)
  const issue = parsed.error?.issues[0]
  if (!issue) return
  const [field = '', ...rest] = issue.path.map(String)
  if (field === 'command') throw usageError(`The command cannot be used: ${issue.message}.`, 'Give a shorter one.')
  if (field === 'env') {
    throw usageError(`The variable ${rest[0] ?? ''} cannot be used: ${issue.message}.`, 'Write it as NAME=value.')
  }
  const name = kebab(flagOfField[field] ?? field)
  throw usageError(`--${name} cannot be used: ${issue.message}.`, 'See `nabla run --help` for what it takes.')
}
