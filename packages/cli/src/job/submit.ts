import { parseDatasetReference } from '@nabla/api/dataset'
import { type ErrorCode, errorCatalogue, fillTemplate } from '@nabla/api/errors'
import { createJob, type Job } from '@nabla/api/job'
import type { WorkspaceSource } from '@nabla/api/workspace'
import type { z } from 'zod'
import { type CliError, usageError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { kebab } from '../flags.ts'
import { limits } from '../limits.ts'
import { type JobFlags, readJobModel, readModelMount, readMount } from './flags.ts'
import { readImage } from './image.ts'
import { findProject, rememberJob, writeProject } from '../project-file.ts'
import { toCommandLine } from '../quote.ts'
import { readEnv } from '../read-env.ts'
import { uploadArchive, uploadFolder } from '../files/upload.ts'
import { readSource } from '../workspace/source.ts'

type Body = z.input<typeof createJob>

/**
 * Submits a job: finds its project, checks it, sends its files, creates it. Throws CliError for what is wrong on this
 * side, and does so before anything is sent.
 */
export async function submitJob(context: Context, words: readonly string[], flags: JobFlags): Promise<Job> {
  const { out } = context
  if (words.length === 0 && !flags.buildOnly) {
    throw usageError('There is no command to run.', 'Write it after two dashes: nabla run -- python train.py')
  }
  const project = await findProject(context, flags.project)
  const source = await readSource(flags.workspace ?? '.', context.cwd)
  const spec = {
    ...(await readSpec(context, flags)),
    command: words.length === 0 ? 'true' : toCommandLine(words),
    project: project.name,
  }
  check(spec)
  await checkMachine(context, spec)
  await checkDatasets(context, spec)
  const writes = !out.json && !flags.noInit && project.source !== 'flag' && project.source !== 'file'
  if (writes) await writeProject(context, project.name)
  const workspace = await sendWorkspace(context, source, flags)
  const client = await context.client()
  const job = await client.job.create({ body: { ...spec, workspace } })
  await rememberJob(context, job.id)
  return job
}

/** Shows what `submitJob` would send, and sends nothing. */
export async function previewJob(context: Context, flags: JobFlags): Promise<void> {
  const source = await readSource(flags.workspace ?? '.', context.cwd)
  if (source.from !== 'folder') {
    const what = { nothing: 'no files', archive: 'the archive as it is', git: 'only the address of the repository' }
    throw usageError(`With this --workspace, ${what[source.from]} would travel.`, 'Leave --dry-run out.')
  }
  const { previewFolder } = await import('../workspace/preview.ts')
  await previewFolder(context, { folder: source.path, patterns: flags.ignore, limit: limits.previewRows })
}

/** Sends the files if they are here, and says where the server finds them. */
export async function sendWorkspace(
  context: Context,
  source: Awaited<ReturnType<typeof readSource>>,
  flags: Pick<JobFlags, 'ignore' | 'workspaceRef' | 'workspaceUsername' | 'workspacePassword'>,
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

/** What the options say of a job; what was not given is left out. */
export async function readSpec(context: Context, flags: JobFlags): Promise<Omit<Body, 'command' | 'project'>> {
  const requirements = flags.noRequirements ? null : flags.requirements
  const spec = {
    name: flags.name,
    machineType: flags.machineType,
    image: flags.image,
    ...(await readImage(context, flags)),
    env: await readEnv(context, flags),
    datasets: flags.dataset.map(readMount),
    models: flags.model.map(readModelMount),
    model: readJobModel(flags),
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
  return Object.fromEntries(given)
}

/** Refuses a version of a dataset or a model that is not there, before the files are sent. */
export async function checkDatasets(context: Context, { datasets = [], models = [] }: Body): Promise<void> {
  if (datasets.length + models.length === 0) return
  const client = await context.client()
  for (const { dataset } of datasets) await client.dataset.version(parseDatasetReference(dataset))
  for (const { model } of models) await client.model.resolve({ reference: model })
}

/** Refuses a machine type or an image that the server does not have, before the files are sent. */
async function checkMachine(context: Context, { machineType, image, build }: Body): Promise<void> {
  const isHost = !build && (image === undefined || image === 'host')
  if (machineType === undefined && isHost) return
  const client = await context.client()
  const { items } = await client['machine-type'].list()
  const fallback = items.find(({ isDefault }) => isDefault)
  const wanted = machineType === undefined ? fallback : items.find(({ name }) => name === machineType)
  const names = items.map(({ name }) => name).join(', ')
  if (!wanted) throw refusal('unknown_machine_type', { name: machineType ?? '', names, fallback: fallback?.name ?? '' })
  // Of the engines there are, this one has no images; what others have, they know themselves. A job that names no machine
  // type goes to an engine that takes its image, if there is one.
  const open = machineType === undefined ? items : [wanted]
  if (!isHost && open.every(({ engine }) => engine === 'process')) {
    throw refusal('image_not_supported', { reason: `The machine type ${wanted.name} runs jobs on the machine itself.` })
  }
}

/** What the server would say. */
function refusal(code: ErrorCode, params: Record<string, string>): CliError {
  const { message, hint } = errorCatalogue[code]
  return usageError(fillTemplate(message, params), fillTemplate(hint, params))
}

const flagOfField: Record<string, string> = {
  datasets: 'dataset',
  models: 'model',
  ports: 'port',
  tags: 'tag',
  timeLimitSeconds: 'timeLimit',
  shmBytes: 'shmSize',
}

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
  // What a job leaves is said by several options: --model-name, --model-path, --model-type.
  const name = field === 'model' ? `model-${rest[0] ?? 'name'}` : kebab(flagOfField[field] ?? field)
  throw usageError(`--${name} cannot be used: ${issue.message}.`, 'See `nabla run --help` for what it takes.')
}
