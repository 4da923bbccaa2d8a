import type { Notebook } from '@nabla/api/notebook'
import { usageError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { flag, inSection, type ValuesOf } from '../flags.ts'
import { jobFlags } from '../job/flags.ts'
import { sendWorkspace } from '../job/submit.ts'
import { findProject } from '../project-file.ts'
import { readEnv } from '../read-env.ts'
import { readSource } from '../workspace/source.ts'

/** Options that a notebook has when it is made, and later. */
export const specFlags = {
  machineType: jobFlags.machineType,
  image: flag.text('image', 'container image that carries Jupyter', { fallback: 'host: this machine is the image' }),
  command: flag.text('line', 'shell command line instead of JupyterLab'),
  env: jobFlags.env,
  envFile: jobFlags.envFile,
  secret: jobFlags.secret,
  package: flag.texts('requirement', "Python package, such as 'numpy>=2'"),
  idleLimit: flag.duration('stop it when it was not used for so long', { fallback: '1h' }),
  noIdleLimit: flag.on('never stop it for want of use'),
  timeLimit: flag.duration('stop it after this time, used or not', { fallback: 'none' }),
}

export const createFlags = {
  name: flag.text('name', 'name of the notebook', { fallback: 'made up' }),
  project: jobFlags.project,
  tag: jobFlags.tag,
  ...specFlags,
  ...inSection('Files', {
    workspace: flag.text('source', 'a folder, a .zip, .tar or .tar.gz file, or a git address', {
      fallback: 'none',
      completes: 'file',
    }),
    fromJob: flag.text('job', 'the workspace of a job', { completes: 'job' }),
    ignore: jobFlags.ignore,
    workspaceRef: jobFlags.workspaceRef,
    workspaceUsername: jobFlags.workspaceUsername,
    workspacePassword: jobFlags.workspacePassword,
  }),
  noStart: flag.on('only make it, and start it later'),
}

type SpecFlags = ValuesOf<typeof specFlags>

/** What options say of a notebook; what was not given is left out. */
export async function readSpec(context: Context, flags: SpecFlags) {
  const env = await readEnv(context, flags)
  const { package: packages, noIdleLimit, idleLimit, timeLimit, machineType, image, command } = flags
  return {
    ...(machineType !== undefined && { machineType }),
    ...(image !== undefined && { image }),
    ...(command !== undefined && { command }),
    ...(Object.keys(env).length > 0 && { env }),
    ...(packages.length > 0 && { packages }),
    ...(idleLimit !== undefined && { idleLimitSeconds: idleLimit }),
    ...(noIdleLimit && { idleLimitSeconds: null }),
    ...(timeLimit !== undefined && { timeLimitSeconds: timeLimit }),
  }
}

/** Makes a notebook, with the files of this machine if that is asked for. */
export async function createNotebook(context: Context, flags: ValuesOf<typeof createFlags>): Promise<Notebook> {
  if (flags.fromJob !== undefined && flags.workspace !== undefined) {
    throw usageError('--from-job and --workspace both say which files it has.', 'Leave one of them out.')
  }
  const project = await findProject(context, flags.project)
  const source = await readSource(flags.workspace ?? 'none', context.cwd)
  const spec = await readSpec(context, flags)
  const workspace = await sendWorkspace(context, source, flags)
  const client = await context.client()
  return client.notebook.create({
    body: {
      ...spec,
      project: project.name,
      workspace,
      tags: flags.tag,
      start: !flags.noStart,
      ...(flags.name !== undefined && { name: flags.name }),
      ...(flags.fromJob !== undefined && { fromJob: flags.fromJob }),
    },
  })
}
