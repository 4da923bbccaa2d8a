import {
  experimentLimits,
  type ExperimentScheme,
  experimentSchemes,
  type ExperimentSpec,
  type MultiNodeSpec,
} from '@nabla/api/experiment'
import { AppError } from '../../lib/app-error.ts'
import { checkSweep } from '../sweep/check.ts'

/** Refuses experiments that can never be, by their roles alone. Throws AppError `bad_experiment`. */
export function checkExperiment(spec: ExperimentSpec): void {
  if (spec.kind === 'sweep') checkSweep(spec)
  if (spec.kind === 'multi-node') checkRoles(spec)
}

/** Roles of which there is at most one node. */
const single = new Set(['master', 'chief', 'evaluator'])

function checkRoles(spec: MultiNodeSpec): void {
  const names = spec.roles.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) {
    refuse(`two roles are called ${twice}`, 'Give each role a name of its own, or make them one with a larger count.')
  }
  checkNames(spec.scheme, names)
  for (const { name, command, count } of spec.roles) {
    if (command === undefined && !(spec.scheme === 'mpi' && name === 'worker')) {
      refuse(`the role ${name} has no command`, `Say what its nodes run, with \`command\` or --${name}-command.`)
    }
    if (spec.scheme !== 'none' && single.has(name) && count > 1) {
      refuse(`the role ${name} has ${count} nodes, and there can be one only`, 'Set its count to 1.')
    }
  }
  const nodes = spec.roles.reduce((sum, { count }) => sum + count, 0)
  if (nodes > experimentLimits.nodes) {
    refuse(`it has ${nodes} nodes, and ${experimentLimits.nodes} is the most`, 'Choose smaller counts.')
  }
}

function checkNames(scheme: ExperimentScheme, names: readonly string[]): void {
  const { roles, label } = experimentSchemes[scheme]
  if (roles === null) return
  const unknown = names.find((name) => !(roles as readonly string[]).includes(name))
  if (unknown !== undefined) {
    refuse(`${label} has no role ${unknown}`, `Its roles are ${roles.join(', ')}; the scheme \`none\` takes any.`)
  }
  if (scheme === 'tensorflow' && !names.includes('worker') && !names.includes('chief')) {
    const fix = 'Add a role `worker`: parameter servers and evaluators only serve workers.'
    refuse(`there is no worker, only ${names.join(' and ')}`, fix)
  }
  if (scheme === 'mpi' && !names.includes('master')) {
    refuse('there is no master', 'Add a role `master` whose command calls `mpirun`.')
  }
}

function refuse(reason: string, fix: string): never {
  throw new AppError('bad_experiment', { reason, fix })
}
