import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { arg } from '../flags.ts'
import { limits } from '../limits.ts'
import { compare as compareRuns } from './runs.ts'

export const compare = defineCommand({
  name: 'compare',
  about: 'Compare what programs of experiments logged: their curves, and the parameters that differ',
  details: '\nOf several nodes, each that has logged anything is a run of its own; see `nabla runs compare`.',
  args: { experiments: arg.many('names or ids of the experiments') },
  flags: compareRuns.flags,
  examples: [{ line: 'experiment compare baseline wider --metrics loss', about: 'two of them' }],
  async run(context, args, flags) {
    const client = await context.client()
    const runs: string[] = []
    for (const reference of args.experiments) {
      const { id, name } = await client.experiment.show({ experiment: reference })
      const { items } = await client.run.list({ experiment: id, limit: limits.pageRows })
      if (items.length === 0) {
        const hint = 'A program logs with mlflow, or writes event files of TensorBoard; see docs/guide/tracking.md.'
        throw new CliError(`No node of ${name} has logged anything.`, hint)
      }
      runs.push(...items.map((run) => run.id).toReversed())
    }
    return compareRuns.run(context, { runs }, flags)
  },
})
