import { type ExperimentSpec, experimentSchemes } from '@nabla/api/experiment'

/** One node of an experiment: what becomes one job in each attempt. */
export interface ExperimentNode {
  role: string
  /** From 0, within its role. */
  index: number
  /** From 0, over all roles. */
  rank: number
  /** The name by which others reach it. */
  host: string
}

/** Whoever leads has rank 0; those that only wait come last. */
const order = ['chief', 'master', 'worker', '', 'ps', 'evaluator']

/** All nodes of an experiment, by rank. Pure. */
export function nodesOf(spec: ExperimentSpec): ExperimentNode[] {
  if (spec.kind !== 'multi-node') return [{ role: 'worker', index: 0, rank: 0, host: 'worker-0' }]
  const place = (name: string) => (order.includes(name) ? order.indexOf(name) : order.indexOf(''))
  return spec.roles
    .toSorted((a, b) => place(a.name) - place(b.name))
    .flatMap(({ name: role, count }) => Array.from({ length: count }, (_, index) => ({ role, index })))
    .map(({ role, index }, rank) => ({ role, index, rank, host: `${role}-${index}` }))
}

/** Whether a role needs no end of its own: its nodes are ended when the others have. */
export function waits(spec: ExperimentSpec, role: string): boolean {
  return spec.kind === 'multi-node' && (experimentSchemes[spec.scheme].waits as readonly string[]).includes(role)
}

/** What its job is called: of a single node as the experiment, of several `name-worker-1` and so on. */
export function jobName(experiment: string, spec: ExperimentSpec, node: ExperimentNode): string {
  if (spec.kind !== 'multi-node') return experiment
  const suffix = `-${node.role}-${node.index + 1}`
  return `${experiment.slice(0, longestName - suffix.length).trimEnd()}${suffix}`
}

const longestName = 100
