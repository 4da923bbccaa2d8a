import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createJob, type Job } from '@nabla/api/job'
import type { notebookRoutes } from '@nabla/api/notebook'
import type { z } from 'zod'
import type { NotebookRow } from '../../db/notebook-tables.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { removeTree } from '../../volumes/remove-tree.ts'
import { showJob } from '../job.ts'
import { submitJob } from '../job/submit.ts'
import type { Caller } from '../kind.ts'
import { workspaceOfTree } from '../workspace.ts'
import { parseNotebook } from './document.ts'
import { filesOf } from './files.ts'
import { contentsOf } from './fork.ts'
import { requirements } from './generated.ts'
import { readNotebook } from './planned.ts'
import { mergePackages } from './session.ts'

type RunBody = z.output<(typeof notebookRoutes)['runAsJob']['body']>

/** File of the job's workspace with what its environment is made of. */
const requirementsFile = '.nabla/requirements.txt'

/**
 * Runs a notebook file as a job: with the files of the notebook at the same place, its packages, and its variables. The
 * job is one like any other, so it can be cloned with other parameters. Throws AppError `bad_notebook` and what
 * `submitJob` throws.
 */
export async function runNotebook(
  deps: Deps,
  caller: Caller,
  row: NotebookRow,
  asked: RunBody,
  signal: AbortSignal,
): Promise<Job> {
  if (deps.ballast.isReleased) throw new AppError('disk_full')
  const { spec } = readNotebook(row)
  const version = asked.version === undefined ? undefined : String(asked.version)
  const { document } = await parseNotebook(await filesOf(deps, row, version), asked.path)
  const contents = await contentsOf(deps, row, asked.version, signal)
  const isHost = spec.image === 'host'
  const packages = mergePackages(spec.packages, contents.packages)
  const own = isHost ? await ingestText(deps, row.teamId, `${requirements}${packages.join('\n')}\n`, signal) : null
  const workspaceId = await workspaceOf(deps, row, contents.digest, own, signal)
  const { name, machineType, timeLimitSeconds, tags, path, parameters } = asked
  const body = createJob.parse({
    command: commandFor(document),
    project: row.projectId,
    image: spec.image,
    registry: spec.registry,
    user: spec.user,
    shmBytes: spec.shmBytes,
    machineType: machineType ?? row.machineType,
    workingDir: '/notebooks',
    requirements: isHost ? requirementsFile : null,
    env: {
      ...spec.env,
      NOTEBOOK_FILE: path,
      // JSON is YAML, and in base64 it needs no quotes.
      NOTEBOOK_PARAMETERS: Buffer.from(JSON.stringify(parameters)).toString('base64'),
    },
    timeLimitSeconds,
    tags,
    ...(name === undefined ? {} : { name }),
  })
  const sealedLogin = row.sealedLogin === null ? {} : { sealedLogin: row.sealedLogin }
  return showJob(deps, caller, await submitJob(deps, caller, { ...body, workspaceId, ...sealedLogin }))
}

/** https://papermill.readthedocs.io/en/latest/usage-cli.html */
function commandFor(document: Record<string, unknown>): string {
  const { kernelspec } = (document['metadata'] ?? {}) as { kernelspec?: { name?: unknown } }
  const kernel = typeof kernelspec?.name === 'string' ? '' : ' --kernel python3'
  const options = `--log-output --no-progress-bar --parameters_base64 "$NOTEBOOK_PARAMETERS"${kernel}`
  return `papermill ${options} --cwd "$(dirname "$NOTEBOOK_FILE")" "$NOTEBOOK_FILE" "/artifacts/$(basename "$NOTEBOOK_FILE")"`
}

/** A tree with nothing but the requirements file. Answers with its digest. */
async function ingestText(deps: Deps, teamId: string, text: string, signal: AbortSignal): Promise<string> {
  const staging = await mkdtemp(join(deps.volumes.stagingDir(), 'notebook-'))
  try {
    await mkdir(join(staging, '.nabla'))
    await writeFile(join(staging, requirementsFile), text)
    return (await deps.trees.ingest(teamId, staging, signal)).tree.digest
  } finally {
    await removeTree(staging)
  }
}

/** The files of the notebook with what the job needs besides; those of a repository that never came go alone. */
async function workspaceOf(
  deps: Deps,
  row: NotebookRow,
  files: string | null,
  own: string | null,
  signal: AbortSignal,
): Promise<string | null> {
  const digest = files ?? (await seedDigest(deps, row))
  if (digest === null) {
    throw new AppError('conflict', { detail: `The notebook ${row.name} has no files yet: start it once.` })
  }
  const whole = own === null ? digest : (await deps.trees.merge(row.teamId, digest, own, signal)).digest
  return (await workspaceOfTree(deps, row.teamId, whole)).id
}

async function seedDigest({ db }: Deps, { seedId }: NotebookRow): Promise<string | null> {
  if (seedId === null) return null
  const volume = await db.selectFrom('volumes').select('treeDigest').where('id', '=', seedId).executeTakeFirst()
  return volume?.treeDigest ?? null
}
