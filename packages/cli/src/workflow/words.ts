import type { WorkflowJob, WorkflowRun, WorkflowRunSummary } from '@nabla/api/workflow'
import { type WorkflowJobState, type WorkflowRunState, workflowRunStates } from '@nabla/api/workflow-state'
import type { Context } from '../context.ts'
import { formatDuration } from '../terminal/format.ts'
import type { Style } from '../terminal/output.ts'
import { drawGraph } from './graph.ts'

/** How states look, and sentences about runs of workflows. */

const looks: Record<WorkflowJobState | WorkflowRunState, { sign: string; style: Style }> = {
  waiting: { sign: '○', style: 'dim' },
  pending: { sign: '◌', style: 'yellow' },
  running: { sign: '●', style: 'blue' },
  collecting: { sign: '◕', style: 'blue' },
  stopping: { sign: '◕', style: 'magenta' },
  succeeded: { sign: '✔', style: 'green' },
  failed: { sign: '✖', style: 'red' },
  skipped: { sign: '–', style: 'dim' },
  cancelled: { sign: '■', style: 'magenta' },
}

export const styleOf = (state: WorkflowJobState | WorkflowRunState): Style => looks[state].style
export const signOf = (state: WorkflowJobState | WorkflowRunState): string => looks[state].sign
export const hasEnded = ({ state }: Pick<WorkflowRunSummary, 'state'>): boolean => workflowRunStates[state].ended

/** What `nabla workflow run` exits with. One that has not ended has no exit code: 0. */
export const exitCodeOf = ({ state }: Pick<WorkflowRunSummary, 'state'>): number =>
  workflowRunStates[state].exitCode ?? 0

/** How long it took, or has taken so far; empty when it has not begun. */
export function timeOf({ startedAt, endedAt }: Pick<WorkflowJob, 'startedAt' | 'endedAt'>, nowMs: number): string {
  if (startedAt === null) return ''
  return formatDuration((endedAt === null ? nowMs : Date.parse(endedAt)) - Date.parse(startedAt))
}

/** Prints the jobs of a run as a graph, each with its state, its time and what it left. */
export async function printGraph({ out, io }: Context, run: WorkflowRun): Promise<void> {
  const jobs = new Map(run.jobs.map((job) => [job.name, job]))
  const edges = Object.fromEntries(run.jobs.map(({ name, needs }) => [name, needs]))
  const lines = drawGraph(edges, (name) => signOf(jobs.get(name)?.state ?? 'waiting'))
  const lanes = Math.max(...lines.map((line) => line.lanes.length))
  const names = Math.max(...run.jobs.map(({ name }) => name.length))
  for (const line of lines) {
    const job = line.job === null ? undefined : jobs.get(line.job)
    if (!job) await out.line(out.style('dim', line.lanes))
    else {
      const { state } = job
      const about = [state, timeOf(job, io.now()), job.reason ?? leftBy(job)].filter(Boolean).join(' · ')
      const name = out.style('bold', job.name.padEnd(names))
      await out.line(
        `${out.style(styleOf(state), line.lanes.padEnd(lanes))}  ${name}  ${out.style(styleOf(state), about)}`,
      )
    }
  }
}

/** What a job left, in a few words. */
function leftBy({ outputs }: WorkflowJob): string {
  return outputs
    .filter(({ state }) => state === 'ready')
    .map(({ name, type, value, reference }) => {
      if (reference !== null) return `${name} = ${reference}`
      if (type === 'string') return `${name} = ${JSON.stringify((value ?? '').trim().slice(0, 60))}`
      return name
    })
    .join(', ')
}
