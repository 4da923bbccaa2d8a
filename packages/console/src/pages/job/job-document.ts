import { createJob } from '@nabla/api/job'
import { givenFields, jobFields, type JobFields, type Origin } from './job-form-body.ts'
import { looksLikeLine, type ReadJob, readJobLine, UnreadableJob } from './job-line-read.ts'
import { shownPassword } from './job-line.ts'

/** The job as the API takes it, without what it would be by itself. */
export function jobDocument(fields: JobFields, origin: Origin): Record<string, unknown> {
  const { project, name, command, ...others } = givenFields(fields)
  const workspace = documentOrigin(origin)
  return {
    ...(project !== undefined && { project }),
    ...(name !== undefined && { name }),
    command: command ?? '',
    ...(workspace && { workspace }),
    ...others,
  }
}

function documentOrigin(origin: Origin): Record<string, unknown> | undefined {
  if (origin.from === 'stored') return { from: 'upload', id: origin.id }
  if (origin.from !== 'git') return undefined
  const { password, ...others } = origin
  return { ...others, ...(password && { password: shownPassword(password) }) }
}

/** Most of a text that is read: far more than a job is. */
const mostCharacters = 1_000_000

/** Reads a line of the CLI, YAML or JSON. Throws UnreadableJob, which says what is wrong. */
export async function readJobText(text: string): Promise<ReadJob> {
  if (text.length > mostCharacters) throw new UnreadableJob('It is too long for a job.')
  if (looksLikeLine(text)) return readJobLine(text)
  const { parse } = await import('yaml')
  let value: unknown
  try {
    value = parse(text, { maxAliasCount: 20, logLevel: 'error' })
  } catch (error) {
    throw new UnreadableJob(`It is no YAML: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UnreadableJob('It is neither a line of `nabla run` or `nabla job create`, nor YAML or JSON.')
  }
  return readDocument(value as Record<string, unknown>)
}

function readDocument(value: Record<string, unknown>): ReadJob {
  const unknown = Object.keys(value).filter((key) => !Object.hasOwn(createJob.shape, key))
  if (unknown.length > 0) throw new UnreadableJob(`A job has no field ${unknown[0]}.`)
  const { workspace, ...others } = value
  const fields = jobFields.partial().safeParse(others)
  if (!fields.success) throw new UnreadableJob(sayIssue(fields.error.issues[0]))
  const source = createJob.shape.workspace.safeParse(workspace)
  if (!source.success) throw new UnreadableJob(`workspace: ${sayIssue(source.error.issues[0])}`)
  // Only what the text says: defaults that reading added are left out.
  const given = Object.fromEntries(Object.entries(fields.data).filter(([name]) => name in others)) as JobFields
  return { fields: given, origin: workspace === undefined ? undefined : toOrigin(source.data), ignore: [], notes: [] }
}

function toOrigin(source: ReturnType<typeof createJob.shape.workspace.parse>): Origin {
  switch (source.from) {
    case 'nothing':
      return source
    case 'upload':
      return { from: 'stored', id: source.id, label: 'Files that the server has' }
    case 'git': {
      const { url, ref, username, password } = source
      return {
        from: 'git',
        url,
        ...(ref !== undefined && { ref }),
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password }),
      }
    }
    default:
      return source satisfies never
  }
}

function sayIssue(issue: { path: PropertyKey[]; message: string } | undefined): string {
  if (!issue) return 'It is no job.'
  return issue.path.length === 0 ? `${issue.message}.` : `${issue.path.map(String).join('.')}: ${issue.message}.`
}
