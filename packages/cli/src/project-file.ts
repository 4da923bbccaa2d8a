import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { CliError, systemCode, usageError } from './cli-error.ts'
import type { Context } from './context.ts'
import { fieldsOf, readJsonFile } from './json-file.ts'

export interface FoundProject {
  name: string
  /** Where the name came from; `older`: a file of the Gradient clients. */
  source: 'flag' | 'file' | 'older' | 'folder'
}

/**
 * The project that a job submitted from this folder belongs to: the one named, the one of `.nabla/project.json`, the
 * one of `.ps_project/config.json`, or the name of the folder. Throws a usage error in `/`, which has no name.
 */
export async function findProject(context: Context, named: string | undefined): Promise<FoundProject> {
  const { cwd } = context
  if (named !== undefined) return { name: named, source: 'flag' }
  const own = await readJson(projectPath(cwd), toProject)
  if (own) return { name: own.project, source: 'file' }
  const older = await readJson(join(cwd, '.ps_project', 'config.json'), toProject)
  if (older) return { name: older.project, source: 'older' }
  const name = basename(cwd)
  if (name === '') {
    throw usageError(
      'The folder / gives no name to a project.',
      'Change into the folder of your code, or use --project.',
    )
  }
  if (cwd === context.settings.home) context.out.warn(`the project is named after your home folder: ${name}`)
  return { name, source: 'folder' }
}

/** Notes the project in `.nabla/project.json`, and says so. */
export async function writeProject({ cwd, out }: Context, name: string): Promise<void> {
  await writeOwn(cwd, 'project.json', { project: name })
  out.note(`Jobs of this folder belong to the project ${out.styleNote('bold', name)} (.nabla/project.json).`)
}

/** The project noted in this folder; undefined if there is none. */
export async function readProject({ cwd }: Context): Promise<string | undefined> {
  return (await readJson(projectPath(cwd), toProject))?.project
}

/** Remembers the job, so that `nabla job logs` without a name means it. Only where there is a project file. */
export async function rememberJob(context: Context, job: string): Promise<void> {
  if ((await readProject(context)) === undefined) return
  const { url } = await context.target()
  await writeOwn(context.cwd, 'state.json', { lastJob: job, url })
}

/** The job meant: the one named, or the last one of this folder on this server. Throws a usage error. */
export async function findJob(context: Context, named: string | undefined): Promise<string> {
  if (named !== undefined) return named
  const state = await readJson(join(context.cwd, '.nabla', 'state.json'), toState)
  const { url } = await context.target()
  if (state?.url === url) return state.lastJob
  throw usageError(
    'No job was named, and none was submitted from this folder.',
    'Name one; `nabla job list` shows what there is.',
  )
}

const projectPath = (cwd: string): string => join(cwd, '.nabla', 'project.json')

async function writeOwn(cwd: string, file: string, value: unknown): Promise<void> {
  const folder = join(cwd, '.nabla')
  try {
    await mkdir(folder, { recursive: true })
    // The project is worth keeping in a repository, the last job of one person is not.
    await writeFile(join(folder, '.gitignore'), 'state.json\n')
    await writeFile(join(folder, file), `${JSON.stringify(value, null, 2)}\n`)
  } catch (error) {
    throw new CliError(
      `The folder ${folder} cannot be written (${systemCode(error)}).`,
      'Use --no-init and --project to do without it.',
      'failure',
      error,
    )
  }
}

const readJson = <Value>(file: string, read: (json: unknown) => Value | undefined): Promise<Value | undefined> =>
  readJsonFile(file, read, 'Correct it, or remove it.')

function toProject(json: unknown): { project: string } | undefined {
  const project = fieldsOf(json)?.['project']
  return typeof project === 'string' && project !== '' ? { project } : undefined
}

function toState(json: unknown): { lastJob: string; url: string } | undefined {
  const { lastJob, url } = fieldsOf(json) ?? {}
  return typeof lastJob === 'string' && typeof url === 'string' ? { lastJob, url } : undefined
}
