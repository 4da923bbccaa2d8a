import type { Experiment, ExperimentJob } from '@nabla/api/experiment'
import type { Context } from '../context.ts'
import { signOf, styleOf } from '../experiment/words.ts'
import { signOf as jobSign, styleOf as jobStyle } from '../job/words.ts'
import { quoteWord } from '../quote.ts'
import { formatAgo, formatTime, plural } from '../terminal/format.ts'
import type { Column } from '../terminal/table.ts'

/** Says that an experiment was made. `asResult`: its name is all the user gets, so it goes to standard output. */
export async function sayExperiment({ out }: Context, experiment: Experiment, asResult: boolean): Promise<void> {
  if (out.json) {
    await out.value(asResult ? experiment : { experiment })
    return
  }
  const { name, id, project, nodes, state } = experiment
  const size = nodes > 1 ? `, ${plural(nodes, 'node')}` : ''
  if (asResult) await out.line(`${name}  ${out.style('dim', id)}`)
  else
    out.note(`Experiment ${out.styleNote('bold', name)} in project ${project.name}${size}  ${out.styleNote('dim', id)}`)
  if (!asResult) return
  const next =
    state === 'created' ? 'Start it with: nabla experiment start' : 'See it with: nabla experiment logs --follow'
  out.note(out.styleNote('dim', `${next} ${quoteWord(name)}`))
}

/** Everything about one experiment, for a person. */
export async function showExperiment({ io, out }: Context, experiment: Experiment): Promise<void> {
  const { spec, kind, scheme, state, exitCode } = experiment
  const exit = exitCode === null ? '' : `, exit code ${exitCode}`
  const fields: [string, string | null | undefined][] = [
    ['name', out.style('bold', experiment.name)],
    ['id', experiment.id],
    ['project', experiment.project.name],
    ['state', `${out.style(styleOf(state), `${signOf(state)} ${state}`)}${exit}`],
    ['reason', experiment.reason],
    ['kind', scheme === null ? kind : `${kind}, ${scheme}`],
    ['attempt', experiment.attempt > 1 ? String(experiment.attempt) : undefined],
    ['command', spec.kind === 'multi-node' ? undefined : spec.command],
    ['retries', spec.retries > 0 ? `${spec.retries}, on ${spec.retryOn} failure` : undefined],
    [
      'variables',
      Object.entries(spec.env)
        .map(([name, value]) => `${name}=${value}`)
        .join('\n'),
    ],
    ['datasets', experiment.datasets.map(({ name, version, path }) => `${name}:${version} at ${path}`).join('\n')],
    ['tags', experiment.tags.join(', ')],
    ['note', experiment.note],
    ['made with', experiment.cliCommand],
    ['clone of', experiment.parentExperimentId],
    [
      'created',
      `${formatTime(experiment.createdAt)} by ${experiment.createdBy.name} (${formatAgo(experiment.createdAt, io.now())})`,
    ],
    ['started', experiment.startedAt === null ? undefined : formatTime(experiment.startedAt)],
    ['ended', experiment.endedAt === null ? undefined : formatTime(experiment.endedAt)],
  ]
  const present = fields.filter((field): field is [string, string] => Boolean(field[1]))
  await out.fields(present)
  if (spec.kind === 'multi-node') {
    await out.line()
    await out.table(spec.roles, [
      { title: 'ROLE', rank: 0, value: ({ name }) => name },
      { title: 'NODES', rank: 1, align: 'right', value: ({ count }) => String(count) },
      { title: 'MACHINE', rank: 3, value: ({ machineType }) => machineType ?? spec.machineType ?? 'default' },
      { title: 'COMMAND', rank: 2, shrinkTo: 20, value: ({ command }) => command ?? '(waits for the master)' },
    ])
  }
  if (experiment.jobs.length === 0) return
  await out.line()
  await out.table(
    experiment.jobs,
    jobColumns(({ state }, text) => out.style(jobStyle(state), text)),
  )
}

function jobColumns(paint: (job: ExperimentJob, text: string) => string): Column<ExperimentJob>[] {
  return [
    { title: 'NODE', rank: 0, value: ({ host }) => host },
    {
      title: 'STATE',
      rank: 0,
      value: ({ state, exitCode }) => `${jobSign(state)} ${state}${state === 'failed' ? ` (${exitCode})` : ''}`,
      paint: (text, job) => paint(job, text),
    },
    { title: 'JOB', rank: 1, shrinkTo: 16, cut: 'middle', value: ({ name }) => name },
    { title: 'MACHINE', rank: 3, value: ({ machineType }) => machineType },
    { title: 'REASON', rank: 2, shrinkTo: 20, value: ({ reason }) => reason ?? '' },
  ]
}
