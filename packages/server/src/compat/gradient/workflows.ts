import type { Workflow, WorkflowJob, WorkflowRun, WorkflowRunSummary } from '@nabla/api/workflow'
import { type WorkflowRunState, workflowRunStates } from '@nabla/api/workflow-state'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { clusterId } from './clusters.ts'
import { anything, nameOf, optional } from './fields.ts'
import type { LogSource } from './logs.ts'
import { allPages } from './pages.ts'
import { type Exchange, gradientRoute } from './route.ts'
import { inputsFor, specFor } from './workflow-spec.ts'

const runBody = z.object({ spec: z.unknown().optional(), inputs: z.unknown().optional() })

export const workflowRoutes = [
  ...gradientRoute('POST', '/workflows', z.object({ name: optional, projectId: optional }), async (exchange) => {
    const { name: wanted, projectId: project } = exchange.input
    const name = nameOf(wanted)
    if (name === undefined || project === undefined) {
      throw new AppError('invalid', { detail: 'A workflow needs a name and a project.' })
    }
    return toWorkflow(await exchange.call('workflow', 'create', { body: { name, project } }))
  }),
  ...gradientRoute('GET', '/workflows', anything, async ({ call, input }) => {
    // Quirk of section 20: the brackets come as they are.
    const project = input['filter[where][projectId]']
    const more = typeof project === 'string' && project !== '' ? { project } : {}
    return (await allPages((page) => call('workflow', 'list', { ...page, ...more }))).map(toWorkflow)
  }),
  ...gradientRoute('GET', '/workflows/:id', z.unknown(), async ({ call, params }) =>
    toWorkflow(await call('workflow', 'show', { workflow: params['id']! })),
  ),
  ...gradientRoute('POST', '/workflows/:id/runs', runBody, async (exchange) => {
    const { call, params, input } = exchange
    const spec = input.spec === undefined ? {} : { spec: await specFor(exchange, input.spec) }
    const body = { ...spec, inputs: await inputsFor(exchange, input.inputs) }
    return toRun(await call('workflow', 'run', { workflow: params['id']!, body }))
  }),
  ...gradientRoute('GET', '/workflows/:id/runs', z.unknown(), async ({ call, params }) => {
    const workflow = params['id']!
    const runs = await allPages((page) => call('workflow', 'runs', { ...page, workflow }))
    return runs.map((run) => ({ ...shared(run), status: statusOf(run) }))
  }),
  ...gradientRoute('GET', '/workflows/:id/runs/:number', z.unknown(), async ({ call, params }) =>
    toRun(await call('workflow', 'showRun', { workflow: params['id']!, number: numberOf(params['number']) })),
  ),
]

/** What became of a run, or of one job that the server does itself: such have no log, and the clients ask for one. */
export function workflowLog({ call }: Exchange, logId: string): LogSource | undefined {
  const [, workflow, number, name] = /^(wf[0-9a-z]{16})\.(\d+)(?:\.(.+))?$/.exec(logId) ?? []
  if (workflow === undefined) return undefined
  return {
    async read(after) {
      const run = await call('workflow', 'showRun', { workflow, number: Number(number) })
      const jobs = run.jobs.filter((job) => name === undefined || job.name === name)
      const ended = workflowRunStates[run.state].ended
      const lines = ended ? jobs.map((job) => ({ message: lineOf(job), timestamp: job.endedAt ?? run.createdAt })) : []
      const rows = lines.map((line, index) => ({ ...line, line: index + 1 })).filter(({ line }) => line > after)
      return { rows, ended, told: ended && after > lines.length }
    },
    wait: async () => undefined,
  }
}

const lineOf = ({ name, state, reason }: WorkflowJob): string =>
  `${name} ${state}${reason === null ? '' : `: ${reason}`}`

function numberOf(text: string | undefined): number {
  if (/^\d{1,9}$/.test(text ?? '')) return Number(text)
  throw new AppError('not_found', { noun: 'workflow', id: `run ${String(text).slice(0, 40)}` })
}

function toWorkflow({ id, name, project, createdAt, latest }: Workflow) {
  return {
    id,
    name,
    projectId: project.id,
    dtCreated: createdAt,
    dtModified: latest?.createdAt ?? createdAt,
    dtDeleted: null,
  }
}

function shared(run: WorkflowRunSummary | WorkflowRun) {
  return {
    id: run.number,
    seqNum: run.number,
    workflowId: run.workflow.id,
    cluster: { id: clusterId },
    dtCreated: run.createdAt,
    dtStarted: run.startedAt,
    dtFinished: run.endedAt,
  }
}

/** The words of Argo, which ran workflows of Gradient. */
const phases: Record<WorkflowRunState, string> = {
  pending: 'Pending',
  running: 'Running',
  stopping: 'Running',
  succeeded: 'Succeeded',
  failed: 'Failed',
  cancelled: 'Cancelled',
}

const logIdOf = (run: WorkflowRunSummary | WorkflowRun): string => `${run.workflow.id}.${run.number}`

const statusOf = (run: WorkflowRunSummary | WorkflowRun) => ({
  phase: phases[run.state],
  logId: logIdOf(run),
  message: run.reason,
})

function toRun(run: WorkflowRun) {
  const jobs = run.jobs.map((job) => [job.name, toJob(run, job)] as const)
  return {
    ...shared(run),
    spec: run.spec,
    inputs: run.inputs,
    status: { ...statusOf(run), jobs: Object.fromEntries(jobs) },
  }
}

function toJob(run: WorkflowRun, { name, state, reason, job, outputs, startedAt, endedAt }: WorkflowJob) {
  return {
    logId: job?.id ?? `${logIdOf(run)}.${name}`,
    phase: state[0]!.toUpperCase() + state.slice(1),
    message: reason,
    dtStarted: startedAt,
    dtFinished: endedAt,
    outputs: Object.fromEntries(
      outputs.map((one) => [one.name, { type: one.type, ref: one.reference, value: one.value }]),
    ),
  }
}
