import { createJob } from '@nabla/api/job'
import type { WorkflowJobSpec, WorkflowSpec } from '@nabla/api/workflow-spec'
import type { WorkflowRunRow } from '../../db/workflow-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { TaskRequest } from '../../tasks/task.ts'
import type { TextOrigin } from '../../volumes/origin.ts'
import { prepareJob, storeJob, type Submission } from '../job/submit.ts'
import type { Caller } from '../kind.ts'
import { imageFor } from '../image-names.ts'
import { machineTypeFor } from '../machine-names.ts'
import { commandOf, inputsDir, outputsDir } from './command.ts'
import { readInput, type StepInput } from './inputs.ts'

/** What a job of the workflow asks of a machine, without its inputs. Throws AppError `invalid` for a name that means none. */
export function wishOf(
  deps: Pick<Deps, 'config' | 'engines' | 'machineTypes'>,
  spec: WorkflowSpec,
  job: WorkflowJobSpec,
): Pick<Submission, 'machineType' | 'image' | 'env'> {
  const named = job.resources?.['instance-type'] ?? spec.defaults?.resources?.['instance-type']
  const machineType = machineTypeFor(deps, named)
  const env = Object.fromEntries(
    Object.entries({ ...spec.defaults?.env, ...job.env }).map(([name, value]) => [name, String(value)]),
  )
  const small = job.uses === 'git-checkout@v1' ? smallImage(deps) : 'host'
  const image = 'image' in job.with ? imageFor(deps, job.with.image, machineType) : small
  return { ...(machineType === undefined ? {} : { machineType }), image, env }
}

/** For what only copies files: the machine itself, or the smallest image there is. */
function smallImage({ engines }: Pick<Deps, 'engines'>): string {
  return [...engines.values()].some((engine) => engine.accepts('host').ok) ? 'host' : 'busybox:stable'
}

/** Makes the job that does one job of a run. Answers with its id. Throws AppError when it cannot be made. */
export async function makeStepJob(
  deps: Deps,
  trx: Trx,
  caller: Caller,
  run: WorkflowRunRow,
  spec: WorkflowSpec,
  step: string,
  now: number,
): Promise<string> {
  const job = spec.jobs[step]!
  const inputs = new Map<string, StepInput>()
  for (const [name, input] of Object.entries(job.inputs ?? {})) inputs.set(name, await readInput(trx, run, input))
  const textsId = await storeTexts(trx, run, inputs, now)
  const submission: Submission = {
    ...createJob.parse({
      ...wishOf(deps, spec, job),
      command: commandOf(job),
      name: `${run.name.slice(0, 100 - step.length - 1).trimEnd()}-${step}`,
      project: run.projectId,
      artifactsDir: outputsDir,
      requirements: null,
      timeLimitSeconds: secondsOf(job.timeout),
      workspace: workspaceOf(job),
      datasets: [...inputs].flatMap(([mount, input]) =>
        input.type === 'dataset' ? [{ dataset: `${input.datasetId}:${input.version}`, mount }] : [],
      ),
    }),
    step: {
      workflowRunId: run.id,
      workflowJob: step,
      adapt: (request) => adapted(request, run, step, inputs, textsId),
    },
  }
  const id = await storeJob(trx, caller, await prepareJob(deps, trx, caller, submission, now), now)
  await trx
    .updateTable('workflowJobs')
    .set({ jobId: id, textsId })
    .where('runId', '=', run.id)
    .where('name', '=', step)
    .execute()
  return id
}

/** Files go to `/inputs` too, and texts are files there. */
function adapted(
  request: TaskRequest,
  run: WorkflowRunRow,
  step: string,
  inputs: ReadonlyMap<string, StepInput>,
  textsId: string | null,
): TaskRequest {
  const volumes = request.volumes.map((volume) => {
    const name = volume.target.startsWith('/data/') ? volume.target.slice('/data/'.length) : undefined
    const isInput = name !== undefined && inputs.get(name)?.type === 'dataset'
    return isInput ? { ...volume, aliases: [...(volume.aliases ?? []), `${inputsDir}/${name}`] } : volume
  })
  for (const [name, input] of inputs) {
    const target = `${inputsDir}/${name}`
    if (input.type === 'volume') volumes.push({ volumeId: input.volumeId, target, mode: 'ro' })
    if (input.type === 'string' && textsId !== null) {
      volumes.push({ volumeId: textsId, path: name, target, mode: 'ro' })
    }
  }
  const own = {
    NABLA_WORKFLOW_RUN_ID: run.id,
    NABLA_WORKFLOW_JOB: step,
    PROJECT_ID: run.projectId,
  }
  return { ...request, volumes, env: { ...own, ...request.env } }
}

async function storeTexts(
  trx: Trx,
  { teamId }: WorkflowRunRow,
  inputs: ReadonlyMap<string, StepInput>,
  now: number,
): Promise<string | null> {
  const texts = [...inputs].flatMap(([name, input]) => (input.type === 'string' ? [[name, input.value]] : []))
  if (texts.length === 0) return null
  const id = newId('volume')
  const origin: TextOrigin = { texts: Object.fromEntries(texts) as Record<string, string> }
  await trx
    .insertInto('volumes')
    .values({
      id,
      teamId,
      purpose: 'workflow',
      ownerId: null,
      origin: JSON.stringify(origin),
      digest: null,
      treeDigest: null,
      files: texts.length,
      sizeBytes: 0,
      createdAt: toIso(now),
      deletedAt: null,
    })
    .execute()
  return id
}

function workspaceOf(job: WorkflowJobSpec): object {
  if (job.uses !== 'git-checkout@v1') return { from: 'nothing' }
  const { url, ref, username, password } = job.with
  const login = { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) }
  return { from: 'git', url, ...(ref === undefined ? {} : { ref }), ...login }
}

const unitSeconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** `90`, `90s`, `30m`, `12h` or `2d` in seconds. Throws AppError `invalid` for more than a year. */
export function secondsOf(timeout: WorkflowJobSpec['timeout']): number | null {
  if (timeout === undefined) return null
  const [, count = '', unit = 's'] = /^(\d+)([smhd]?)$/.exec(String(timeout)) ?? []
  const seconds = Number(count) * unitSeconds[(unit || 's') as keyof typeof unitSeconds]
  if (seconds > 31_536_000) throw new AppError('invalid', { detail: `The timeout ${timeout} is longer than a year.` })
  return seconds
}
