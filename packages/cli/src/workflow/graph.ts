import { layersOf, type WorkflowEdges } from '@nabla/api/workflow-graph'

/** One line of a drawing: the lines between jobs, and the job that stands on it, if any. */
export interface GraphLine {
  lanes: string
  job: string | null
}

/**
 * Draws jobs from top to bottom, each below all that it needs, with lines to what waits for it. A column belongs to
 * the job that its line leads to, as in drawings of a history.
 *
 * @param edges what each job needs; without a circle
 * @param signOf the sign of a job, one column wide
 */
export function drawGraph(edges: WorkflowEdges, signOf: (job: string) => string): GraphLine[] {
  const order = layersOf(edges).flat()
  const waiting = (job: string) => order.filter((other) => (edges[other] ?? []).includes(job))
  const lanes: (string | null)[] = []
  const lines: GraphLine[] = []
  for (const job of order) {
    const before = lanes.indexOf(job)
    const at = before >= 0 ? before : freeLane(lanes)
    lanes[at] = job
    lines.push({ lanes: rowOf(lanes, at, signOf(job)), job })
    const turns = branch(lanes, at, waiting(job))
    if (turns.length > 0) lines.push({ lanes: turnRow(lanes, at, turns), job: null })
    while (lanes.length > 0 && lanes.at(-1) === null) lanes.pop()
  }
  return lines
}

function freeLane(lanes: (string | null)[]): number {
  const free = lanes.indexOf(null)
  return free >= 0 ? free : lanes.length
}

function rowOf(lanes: readonly (string | null)[], at: number, sign: string): string {
  return lanes.map((lane, index) => (index === at ? sign : lane === null ? ' ' : '│')).join(' ')
}

interface Turn {
  lane: number
  isNew: boolean
}

/** Gives each job that waits for this one a lane; answers with those that a line has to lead to. */
function branch(lanes: (string | null)[], at: number, jobs: readonly string[]): Turn[] {
  lanes[at] = null
  const fresh = jobs.filter((job) => !lanes.includes(job))
  const turns: Turn[] = jobs
    .filter((job) => !fresh.includes(job))
    .map((job) => ({ lane: lanes.indexOf(job), isNew: false }))
  fresh.forEach((job, index) => {
    const lane = index === 0 ? at : freeLane(lanes)
    lanes[lane] = job
    if (lane !== at) turns.push({ lane, isNew: true })
  })
  return turns
}

const up = 1
const down = 2
const left = 4
const right = 8
const shapes: Readonly<Record<number, string>> = {
  [up | down]: '│',
  [left | right]: '─',
  [up | right]: '╰',
  [up | left]: '╯',
  [down | right]: '╭',
  [down | left]: '╮',
  [up | down | right]: '├',
  [up | down | left]: '┤',
  [left | right | down]: '┬',
  [left | right | up]: '┴',
  [up | down | left | right]: '┼',
}

/** The lines that lead from a job to other lanes. */
function turnRow(lanes: readonly (string | null)[], at: number, turns: readonly Turn[]): string {
  const cells = Array.from({ length: lanes.length * 2 - 1 }, (_, cell) => {
    const lane = lanes[cell / 2]
    return cell % 2 === 0 && lane !== null && lane !== undefined ? up | down : 0
  })
  const add = (cell: number, part: number) => (cells[cell] = (cells[cell] ?? 0) | part)
  cells[at * 2] = up | (lanes[at] === null ? 0 : down)
  for (const { lane, isNew } of turns) {
    const [from, to] = [Math.min(at, lane) * 2, Math.max(at, lane) * 2]
    if (isNew) cells[lane * 2] = down
    add(from, right)
    add(to, left)
    for (let cell = from + 1; cell < to; cell++) add(cell, left | right)
  }
  return cells.map((parts) => shapes[parts] ?? ' ').join('')
}
