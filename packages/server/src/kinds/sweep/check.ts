import type { SweepSpec } from '@nabla/api/experiment'
import { countFits } from '../../control/place.ts'
import { AppError } from '../../lib/app-error.ts'
import { gridSize, mostCells } from '../../search/grid.ts'
import type { MachineType, MachineTypes } from '../../tasks/machine-types.ts'
import { unknownNames } from './values.ts'

/** Refuses sweeps that contradict themselves. Throws AppError `bad_experiment`. */
export function checkSweep({ search, command }: SweepSpec): void {
  const names = Object.keys(search.space)
  if (search.searcher === 'grid' && gridSize(search.space) > mostCells) {
    refuse(
      `its grid has more than ${mostCells} cells`,
      'Give ranges a larger step, or choose another searcher, such as `tpe`.',
    )
  }
  if (search.costLimit !== null && command === undefined) {
    refuse(
      'it has a limit of its cost and no command: what trials cost that run elsewhere is not known here',
      'Limit trials or time instead.',
    )
  }
  const metrics = search.objectives.map(({ metric }) => metric)
  const twice = metrics.find((metric, at) => metrics.indexOf(metric) !== at)
  if (twice !== undefined) refuse(`${twice} is an objective twice`, 'Name each metric once.')
  const [unknown] = unknownNames(command ?? '', names)
  if (unknown !== undefined) {
    const fix = `Its parameters are ${names.slice(0, 20).join(', ')}; \`{{args}}\` stands for all of them.`
    refuse(`its command names {{${unknown}}}, which is no parameter`, fix)
  }
  for (const given of search.first) {
    const odd = Object.keys(given).find((name) => !names.includes(name))
    if (odd !== undefined) refuse(`the values to try first name ${odd}, which is no parameter`, 'Leave it out.')
  }
}

/**
 * Refuses more trials at a time than there can ever be: that would be a mistake about the machine. One without a command
 * has its trials run elsewhere. Throws AppError `bad_experiment`.
 */
export function checkParallel(
  { capacity }: MachineTypes,
  { command }: SweepSpec,
  machine: MachineType,
  parallel: number,
): void {
  const most = countFits(machine, [], machine.engine, capacity)
  if (command === undefined || most === 0 || parallel <= most) return
  refuse(
    `it asks for ${parallel} trials at a time, and this server has room for ${most} of machine type ${machine.name}`,
    `Ask for ${most} at a time, or choose a smaller machine type: see \`nabla machine-type list\`.`,
  )
}

function refuse(reason: string, fix: string): never {
  throw new AppError('bad_experiment', { reason, fix })
}
