import { needsOf } from '@nabla/api/workflow-check'
import type { WorkflowInputs, WorkflowSpec } from '@nabla/api/workflow-spec'
import type { Trx } from '../../db/transaction.ts'
import type { WorkflowRow, WorkflowRunRow } from '../../db/workflow-tables.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { checkGitUrl } from '../../volumes/git.ts'
import { chooseMachine } from '../job/submit.ts'
import type { Caller } from '../kind.ts'
import { holdProject } from '../project.ts'
import { checkSecrets } from '../secret.ts'
import { carryOver, jobsDone } from './carry-over.ts'
import { chooseInputs, readInput } from './inputs.ts'
import { secondsOf, wishOf } from './step-job.ts'

/** A run as it is asked for. */
export interface NewRun {
  spec: WorkflowSpec
  inputs: WorkflowInputs
  rerunOf?: number
  /** The run that did not succeed, whose jobs that did are not run again. */
  carryOn?: WorkflowRunRow
}

/**
 * Stores a run, whole or not at all, and wakes the loop. Answers with its number. What its jobs will need is checked
 * as far as can be told at once. Throws AppError when something it names is not there, or this server cannot run it.
 */
export async function makeRun(deps: Deps, caller: Caller, workflow: WorkflowRow, asked: NewRun): Promise<number> {
  if (deps.ballast.isReleased) throw new AppError('disk_full')
  const now = deps.clock.now()
  const { id, number } = await change(deps, async (trx) => {
    const project = await holdProject(trx, caller.teamId, workflow.projectId)
    const inputs = await chooseInputs(trx, caller.teamId, asked.spec, asked.inputs)
    const row = await insertRun(trx, caller, workflow, asked, JSON.stringify(inputs), now)
    const done = asked.carryOn ? await jobsDone(trx, asked.carryOn) : new Set<string>()
    if (asked.carryOn) await carryOver(trx, asked.carryOn, row, done, now)
    await checkJobs(deps, trx, caller, row, asked.spec, done)
    const { name } = row
    const about = { teamId: caller.teamId, projectId: project.id, subject: row.id, actor: caller.userName }
    const data = { name, workflow: workflow.id, run: row.number }
    await recordEvents(trx, now, [{ ...about, type: 'workflow.run_created', data }])
    return row
  })
  deps.loop.wake(id)
  return number
}

async function insertRun(
  trx: Trx,
  caller: Caller,
  workflow: WorkflowRow,
  { spec, rerunOf }: NewRun,
  inputs: string,
  now: number,
): Promise<WorkflowRunRow> {
  const held = await trx
    .updateTable('workflows')
    .set((eb) => ({ lastRun: eb('lastRun', '+', 1) }))
    .where('id', '=', workflow.id)
    .where('deletedAt', 'is', null)
    .returning(['lastRun', 'name'])
    .executeTakeFirst()
  if (!held) throw new AppError('not_found', { noun: 'workflow', id: workflow.id })
  const row: WorkflowRunRow = {
    id: newId('workflowRun'),
    teamId: caller.teamId,
    projectId: workflow.projectId,
    workflowId: workflow.id,
    name: `${held.name.slice(0, 90).trimEnd()}-${held.lastRun}`,
    number: held.lastRun,
    state: 'pending',
    reason: null,
    spec: JSON.stringify(spec),
    inputs,
    rerunOf: rerunOf ?? null,
    createdBy: caller.userId,
    stopRequestedAt: null,
    stopGraceMs: 0,
    createdAt: toIso(now),
    startedAt: null,
    endedAt: null,
    deletedAt: null,
    wakeAt: null,
    version: 1,
  }
  await trx.insertInto('workflowRuns').values(row).execute()
  const steps = Object.keys(spec.jobs).map((name, position) => ({
    runId: row.id,
    name,
    position,
    state: 'waiting',
    reason: null,
    jobId: null,
    textsId: null,
    startedAt: null,
    endedAt: null,
  }))
  await trx.insertInto('workflowJobs').values(steps).execute()
  return row
}

/** The same is checked again when each job begins: what may be gone by then ends that job alone. */
async function checkJobs(
  deps: Deps,
  trx: Trx,
  caller: Caller,
  run: WorkflowRunRow,
  spec: WorkflowSpec,
  done: ReadonlySet<string>,
): Promise<void> {
  const made = new Set(
    Object.values(spec.jobs).flatMap(({ outputs }) =>
      Object.values(outputs ?? {}).flatMap((output) =>
        output.type === 'dataset' ? (nameOf(output.with.ref ?? output.with.id ?? '') ?? []) : [],
      ),
    ),
  )
  for (const [name, job] of Object.entries(spec.jobs)) {
    if (done.has(name)) continue
    try {
      const { env, ...wish } = wishOf(deps, spec, job)
      if (job.uses !== 's3-download@v1' && job.uses !== 'create-model@v1') {
        chooseMachine(deps, { ...wish, build: null })
      }
      if (job.uses === 'git-checkout@v1') checkGitUrl(job.with.url, job.with.ref)
      secondsOf(job.timeout)
      await checkSecrets(deps, trx, caller, run.projectId, [...Object.values(env), ...passwordsOf(job)])
      for (const input of Object.values(job.inputs ?? {})) {
        if (typeof input === 'string' || input.type !== 'dataset') continue
        // One that this very run makes is there when the job begins that reads it.
        const isMade = needsOf(job).length > 0 && made.has(nameOf(input.with.ref ?? input.with.id ?? '') ?? '')
        if (!isMade) await readInput(trx, run, input)
      }
    } catch (error) {
      if (error instanceof AppError && error.code === 'invalid') {
        throw new AppError('invalid', { detail: `Job ${name}: ${error.message}` })
      }
      throw error
    }
  }
}

const nameOf = (reference: string): string | undefined => reference.split(':')[0]

function passwordsOf(job: WorkflowSpec['jobs'][string]): string[] {
  if (job.uses === 'git-checkout@v1') return job.with.password === undefined ? [] : [job.with.password]
  return job.uses === 's3-download@v1' ? [job.with['secret-access-key'], job.with['access-key']] : []
}
