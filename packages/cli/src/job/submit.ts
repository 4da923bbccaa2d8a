import { parseDatasetReference } from '@nabla/api/dataset-reference'
import type { ErrorCode } from '@nabla/api/errors'
import type { createJob, Job } from '@nabla/api/job'
import type { WorkspaceSource } from '@nabla/api/workspace'
import type { z } from 'zod'
import { type CliError, isApiError, usageError } from '../cli-error.ts'
import type { Context } from '../context.ts'
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
 * side, and does so before much is sent, or anything is noted in the folder.
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
  const writes = !out.json && !flags.noInit && project.source !== 'flag' && project.source !== 'file'
  if (writes) await checkSpec(spec)
  try {
    await checkMachine(context, spec)
    await checkDatasets(context, spec)
    if (writes) await writeProject(context, project.name)
    const workspace = await sendWorkspace(context, source, flags, () => checkSpec(spec))
    const client = await context.client()
    const job = await client.job.create({ body: { ...spec, workspace } })
    await rememberJob(context, job.id)
    return job
  } catch (error) {
    // Whatever the server had against it, and also where it is not there: an option that is wrong is told first.
    if (isApiError(error)) await checkSpec(spec)
    throw error
  }
}

/** Refuses what the server would refuse by its form. It is loaded for this: of most jobs the server alone judges. */
async function checkSpec(spec: Body): Promise<void> {
  const { check } = await import('./check.ts')
  check(spec)
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

/**
 * Sends the files if they are here, and says where the server finds them. `beforeSending` is called before much is
 * sent, and may refuse it.
 */
export async function sendWorkspace(
  context: Context,
  source: Awaited<ReturnType<typeof readSource>>,
  flags: Pick<JobFlags, 'ignore' | 'workspaceRef' | 'workspaceUsername' | 'workspacePassword'>,
  beforeSending?: () => Promise<void>,
): Promise<WorkspaceSource> {
  switch (source.from) {
    case 'nothing':
      return { from: 'nothing' }
    case 'folder':
      return { from: 'upload', id: (await uploadFolder(context, source.path, flags.ignore, beforeSending)).id }
    case 'archive':
      await beforeSending?.()
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
  if (!wanted) {
    throw await refusal('unknown_machine_type', { name: machineType ?? '', names, fallback: fallback?.name ?? '' })
  }
  // Of the engines there are, this one has no images; what others have, they know themselves. A job that names no machine
  // type goes to an engine that takes its image, if there is one.
  const open = machineType === undefined ? items : [wanted]
  if (!isHost && open.every(({ engine }) => engine === 'process')) {
    throw await refusal('image_not_supported', {
      reason: `The machine type ${wanted.name} runs jobs on the machine itself.`,
    })
  }
}

/** What the server would say. */
async function refusal(code: ErrorCode, params: Record<string, string>): Promise<CliError> {
  const { errorCatalogue, fillTemplate } = await import('@nabla/api/errors')
  const { message, hint } = errorCatalogue[code]
  return usageError(fillTemplate(message, params), fillTemplate(hint, params))
}
