import { type WorkflowSpec, workflowSpec } from '@nabla/api/workflow-spec'
import { cursorOf, isAfter } from '../db/paging.ts'
import type { WorkflowRow } from '../db/workflow-tables.ts'
import type { Trx } from '../db/transaction.ts'
import type { Db, Deps } from '../deps.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { Caller, Handlers } from './kind.ts'
import { ensureProject, findProject } from './project.ts'
import { replaceTags } from './tags.ts'
import { deleteWorkflows } from './workflow/delete.ts'
import { type RunInputs, sameInputs } from './workflow/inputs.ts'
import { makeRun, type NewRun } from './workflow/make.ts'
import {
  findRun,
  findWorkflow,
  selectRuns,
  selectWorkflows,
  toRun,
  toSummaries,
  toWorkflows,
  type WorkflowWithNames,
} from './workflow/view.ts'

export const workflowHandlers: Handlers<'workflow'> = {
  async list({ caller, query }, { db }) {
    const { project, name, tag, limit, after } = query
    let rows = selectWorkflows(db, caller.teamId).where(isAfter('workflows.createdAt', 'workflows.id', after))
    if (project !== undefined) {
      rows = rows.where('workflows.projectId', '=', (await findProject(db, caller.teamId, project)).id)
    }
    if (name) rows = rows.where('workflows.name', '>=', name).where('workflows.name', '<', `${name}\u{10ffff}`)
    if (tag) {
      const tagged = db
        .selectFrom('tags')
        .select('subjectId')
        .where('teamId', '=', caller.teamId)
        .where('tag', '=', tag)
      rows = rows.where('workflows.id', 'in', tagged)
    }
    const found = await rows
      .orderBy('workflows.createdAt', 'desc')
      .orderBy('workflows.id', 'desc')
      .limit(limit + 1)
      .execute()
    const page = found.slice(0, limit)
    const last = page.at(-1)
    return { items: await toWorkflows(db, page), next: found.length > limit && last ? cursorOf(last) : null }
  },

  async create({ caller, body }, deps) {
    const now = deps.clock.now()
    const id = newId('workflow')
    await change(deps, async (trx) => {
      const project = await ensureProject(trx, caller, body.project, now)
      await refuseTaken(trx, caller, project.id, body.name)
      const { teamId, userId: createdBy } = caller
      const row = { id, teamId, projectId: project.id, name: body.name, lastRun: 0, createdBy }
      await trx
        .insertInto('workflows')
        .values({ ...row, createdAt: toIso(now), deletedAt: null })
        .execute()
      await replaceTags(trx, teamId, id, body.tags)
      await record(trx, caller, row, 'created', now)
    })
    return show(deps.db, caller, id)
  },

  show: ({ caller, params }, { db }) => show(db, caller, params.workflow),

  async update({ caller, params, body }, deps) {
    const row = await findWorkflow(deps.db, caller, params.workflow)
    const { name, tags } = body
    await change(deps, async (trx) => {
      if (name !== undefined && name !== row.name) {
        await refuseTaken(trx, caller, row.projectId, name)
        await trx.updateTable('workflows').set({ name }).where('id', '=', row.id).execute()
      }
      if (tags) await replaceTags(trx, caller.teamId, row.id, tags)
      const data = { ...(name === undefined ? {} : { newName: name }), ...(tags && { tags }) }
      await record(trx, caller, row, 'updated', deps.clock.now(), data)
    })
    return show(deps.db, caller, row.id)
  },

  async delete({ caller, params, query }, deps) {
    const row = await findWorkflow(deps.db, caller, params.workflow)
    const now = deps.clock.now()
    const woken = await change(deps, async (trx) => {
      const open = await trx
        .selectFrom('workflowRuns')
        .select('number')
        .where('workflowId', '=', row.id)
        .where('endedAt', 'is', null)
        .executeTakeFirst()
      if (open && !query.force) {
        const detail = `Run ${open.number} of ${row.name} has not ended: stop it first, or delete the workflow with force.`
        throw new AppError('conflict', { detail })
      }
      await record(trx, caller, row, 'deleted', now)
      return deleteWorkflows(trx, [row.id], now)
    })
    for (const id of woken) deps.loop.wake(id)
    return { deleted: true }
  },

  async run({ caller, params, body }, deps) {
    const row = await findWorkflow(deps.db, caller, params.workflow)
    const spec = body.spec ?? (await newestSpec(deps.db, row))
    return begin(deps, caller, row, { spec, inputs: body.inputs })
  },

  async runs({ caller, params, query }, { db }) {
    const workflow = await findWorkflow(db, caller, params.workflow)
    const { limit, after } = query
    let rows = selectRuns(db, [workflow.id])
    if (after !== undefined) rows = rows.where('workflowRuns.number', '<', Number(after) || 0)
    const found = await rows
      .orderBy('workflowRuns.number', 'desc')
      .limit(limit + 1)
      .execute()
    const page = found.slice(0, limit)
    const last = page.at(-1)
    const next = found.length > limit && last ? String(last.number) : null
    return { items: await toSummaries(db, [workflow], page), next }
  },

  async showRun({ caller, params }, { db }) {
    const workflow = await findWorkflow(db, caller, params.workflow)
    return toRun(db, workflow, await findRun(db, workflow, params.number))
  },

  async stopRun({ caller, params, body }, deps) {
    const workflow = await findWorkflow(deps.db, caller, params.workflow)
    const run = await findRun(deps.db, workflow, params.number)
    const now = deps.clock.now()
    await change(deps, async (trx) => {
      const asked = await trx
        .updateTable('workflowRuns')
        .set(({ eb }) => ({
          stopRequestedAt: toIso(now),
          stopGraceMs: Math.round(body.graceSeconds * 1000),
          version: eb('version', '+', 1),
        }))
        .where('id', '=', run.id)
        .where('endedAt', 'is', null)
        .where('stopRequestedAt', 'is', null)
        .executeTakeFirst()
      if (asked.numUpdatedRows === 0n) return
      const about = { ...run, id: run.id, name: run.name }
      await record(trx, caller, about, 'run_stop_requested', now, { workflow: workflow.id, run: run.number })
    })
    deps.loop.wake(run.id)
    return toRun(deps.db, workflow, await findRun(deps.db, workflow, params.number))
  },

  async rerun({ caller, params, body }, deps) {
    const workflow = await findWorkflow(deps.db, caller, params.workflow)
    const run = await findRun(deps.db, workflow, params.number)
    const inputs = sameInputs(JSON.parse(run.inputs) as RunInputs)
    return begin(deps, caller, workflow, {
      spec: workflowSpec.parse(JSON.parse(run.spec)),
      inputs,
      rerunOf: run.number,
      ...(body.fromFailed && { carryOn: run }),
    })
  },
}

async function show(db: Db, caller: Caller, reference: string) {
  const [one] = await toWorkflows(db, [await findWorkflow(db, caller, reference)])
  return one!
}

async function begin(deps: Deps, caller: Caller, workflow: WorkflowWithNames, asked: NewRun) {
  const number = await makeRun(deps, caller, workflow, asked)
  return toRun(deps.db, workflow, await findRun(deps.db, workflow, number))
}

async function newestSpec(db: Db, workflow: WorkflowRow): Promise<WorkflowSpec> {
  const run = await db
    .selectFrom('workflowRuns')
    .select('spec')
    .where('workflowId', '=', workflow.id)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (run) return workflowSpec.parse(JSON.parse(run.spec))
  throw new AppError('invalid', {
    detail: `The workflow ${workflow.name} has not run yet: say what it is to run, with \`nabla workflow run -f FILE\`.`,
  })
}

async function refuseTaken(trx: Trx, caller: Caller, projectId: string, name: string): Promise<void> {
  const taken = await trx
    .selectFrom('workflows')
    .select('id')
    .where('teamId', '=', caller.teamId)
    .where('projectId', '=', projectId)
    .where('name', '=', name)
    .where('deletedAt', 'is', null)
    .executeTakeFirst()
  if (taken) throw new AppError('name_taken', { noun: 'workflow', name })
}

function record(
  trx: Trx,
  caller: Caller,
  { id, name, projectId }: Pick<WorkflowRow, 'id' | 'name' | 'projectId'>,
  what: string,
  now: number,
  data: Record<string, unknown> = {},
): Promise<void> {
  const about = { teamId: caller.teamId, projectId, subject: id, actor: caller.userName }
  return recordEvents(trx, now, [{ ...about, type: `workflow.${what}`, data: { name, ...data } }])
}
