import {
  type Experiment,
  experimentCan,
  experimentRoutes,
  experimentStates,
  type ExperimentSummary,
} from '@nabla/api/experiment'
import { defineCommand, type Group } from '../command.ts'
import type { Context } from '../context.ts'
import { experimentFlags } from '../experiment/flags.ts'
import { exitCodeOf, hasEnded, signOf, styleOf } from '../experiment/words.ts'
import { arg, flag } from '../flags.ts'
import { listCommand } from '../from-contract.ts'
import { toCommandLine } from '../quote.ts'
import { readEnv } from '../read-env.ts'
import { jobFlags, readMount } from '../job/flags.ts'
import { formatAgo } from '../terminal/format.ts'
import type { Column } from '../terminal/table.ts'
import { compare } from './experiment-compare.ts'
import { logs } from './experiment-logs.ts'
import { sayExperiment, showExperiment } from './experiment-say.ts'

const whichExperiment = arg.required('name or id of the experiment')

const list = listCommand<ExperimentSummary>('experiment', experimentRoutes, {
  about: 'Show experiments, newest first',
  columns: ({ io, out }) => columns(io.now(), ({ state }, text) => out.style(styleOf(state), text)),
  empty: 'No experiments. Run one with: nabla experiment run -- python train.py',
  examples: [
    { line: 'experiment list', about: 'the newest ones' },
    { line: 'experiment list --state running --project digits', about: 'those of a project that run now' },
  ],
})

const details = `
With a command after two dashes it is a single node. With --worker-command,
--ps-command or --master-command it is several nodes, which start together, know
each other, and end together. With -f it is what a file says; options go before it.

The files of this folder travel as with \`nabla run\`.`

const create = defineCommand({
  name: 'create',
  about: 'Make an experiment, and start it later',
  details,
  args: { command: arg.words('the command and its arguments; a single word is a shell line') },
  flags: experimentFlags,
  passThrough: true,
  examples: [
    { line: 'experiment create --name lr -- python train.py', about: 'then: nabla experiment start lr' },
    { line: 'experiment create -f experiment.yaml --name again', about: 'of a file, with another name' },
    {
      line: "experiment create --scheme pytorch --worker-command 'python train.py' --worker-count 2 --create-options-file experiment.yaml",
      about: 'only write the file',
    },
  ],
  async run(context, { command }, flags) {
    const { submitExperiment } = await import('../experiment/submit.ts')
    const experiment = await submitExperiment(context, command, flags, false)
    if (experiment) await sayExperiment(context, experiment, true)
  },
})

const run = defineCommand({
  name: 'run',
  about: 'Make an experiment, start it, and watch it',
  details: `${details}

It exits as the experiment did. Ctrl-C asks it to stop; a second one leaves it.`,
  args: { command: arg.words('the command and its arguments; a single word is a shell line') },
  flags: { ...experimentFlags, detach: flag.on('do not wait for it', { short: 'd' }) },
  passThrough: true,
  examples: [
    { line: 'experiment run -- python train.py --epochs 5', about: 'one node' },
    {
      line: "experiment run --scheme pytorch --worker-command 'torchrun train.py' --worker-count 2",
      about: 'two nodes of PyTorch',
    },
    {
      line: "experiment run --worker-command 'python mnist.py' --worker-count 2 --ps-command 'python mnist.py'",
      about: 'TensorFlow with a parameter server',
    },
    {
      line: "experiment run --master-command 'mpirun python train.py' --worker-count 3",
      about: 'MPI: workers wait for mpirun on the master',
    },
    { line: 'experiment run -f experiment.yaml --retries 2', about: 'of a file; all nodes start again when one fails' },
  ],
  async run(context, { command }, flags) {
    const { submitExperiment } = await import('../experiment/submit.ts')
    const experiment = await submitExperiment(context, command, flags, true)
    if (!experiment) return 0
    await sayExperiment(context, experiment, flags.detach)
    if (flags.detach) return 0
    const { followExperiment } = await import('../experiment/follow.ts')
    return followExperiment(context, experiment)
  },
})

const start = defineCommand({
  name: 'start',
  about: 'Start an experiment that was only made',
  args: { experiment: whichExperiment },
  flags: { follow: flag.on('watch it until its end', { short: 'f' }) },
  examples: [{ line: 'experiment start lr --follow', about: 'and watch it' }],
  async run(context, args, flags) {
    const client = await context.client()
    const before = await client.experiment.show({ experiment: args.experiment })
    const experiment = await client.experiment.start({ experiment: before.id })
    const mayStart = (experimentCan.start as readonly string[]).includes(before.state)
    const said = mayStart ? `Started ${experiment.name}` : `${experiment.name} was started before: ${experiment.state}`
    if (!flags.follow) {
      await answer(context, experiment, said)
      return 0
    }
    context.out.note(said)
    const { followExperiment } = await import('../experiment/follow.ts')
    return followExperiment(context, experiment)
  },
})

const show = defineCommand({
  name: 'show',
  about: 'Show one experiment with all its nodes',
  args: { experiment: whichExperiment },
  examples: [
    { line: 'experiment show lr', about: 'with the command line it was made with' },
    { line: 'experiment show lr --json', about: 'for a script' },
  ],
  async run(context, args) {
    const client = await context.client()
    const experiment = await client.experiment.show({ experiment: args.experiment })
    if (context.out.json) await context.out.value(experiment)
    else await showExperiment(context, experiment)
  },
})

const wait = defineCommand({
  name: 'wait',
  about: 'Wait until an experiment has ended; exits as it did',
  args: { experiment: whichExperiment },
  flags: { state: flag.oneOf(Object.keys(experimentStates), 'wait for this state instead') },
  examples: [{ line: 'experiment wait lr', about: 'until its end' }],
  async run(context, args, flags) {
    const { waitForEnd } = await import('../experiment/follow.ts')
    const client = await context.client()
    const state = flags.state as Experiment['state'] | undefined
    const found = await waitForEnd(context, client, args.experiment, undefined, state)
    const reason = found.reason === null ? '' : `: ${found.reason}`
    await answer(context, found, `${signOf(found.state)} ${found.name} ${found.state}${reason}`)
    return state === found.state ? 0 : exitCodeOf(found)
  },
})

const stop = defineCommand({
  name: 'stop',
  about: 'Ask all nodes of experiments to end; they are killed after a grace',
  args: { experiment: arg.many('names or ids of the experiments') },
  flags: { grace: flag.duration('time to end by themselves', { fallback: '10s' }) },
  examples: [{ line: 'experiment stop lr --grace 1m', about: 'with a minute to save its work' }],
  async run(context, args, flags) {
    const client = await context.client()
    for (const name of args.experiment) {
      const before = await client.experiment.show({ experiment: name })
      const body = flags.grace === undefined ? {} : { graceSeconds: flags.grace }
      const found = hasEnded(before) ? before : await client.experiment.stop({ experiment: before.id, body })
      await answer(
        context,
        found,
        hasEnded(before) ? `${found.name} had ended: ${found.state}` : `Stopping ${found.name}`,
      )
    }
  },
})

const remove = defineCommand({
  name: 'delete',
  about: 'Delete experiments with their jobs, logs and artifacts',
  args: { experiment: arg.many('names or ids of the experiments') },
  flags: { force: flag.on('also those that have not ended: they are killed') },
  examples: [{ line: 'experiment delete lr', about: 'one that has ended' }],
  async run(context, args, flags) {
    const client = await context.client()
    for (const experiment of args.experiment) {
      const answered = await client.experiment.delete({ experiment, ...(flags.force && { force: 'true' }) })
      if (context.out.json) await context.out.value({ experiment, ...answered })
      else context.out.note(`Deleted ${experiment}`)
    }
  },
})

const clone = defineCommand({
  name: 'clone',
  about: 'Make an experiment again, with changes if you like',
  details: '\nWith --start and no changes that is running it again, with the same files and versions of data.',
  args: { experiment: whichExperiment, command: arg.words('another command, of a single node') },
  flags: {
    start: flag.on('start it at once'),
    name: jobFlags.name,
    project: flag.text('project', 'another project', { completes: 'project' }),
    machineType: jobFlags.machineType,
    image: flag.text('image', 'another image'),
    env: jobFlags.env,
    envFile: jobFlags.envFile,
    secret: jobFlags.secret,
    dataset: flag.texts('name[:version]', 'other datasets'),
    timeLimit: flag.duration('another time limit'),
    retries: flag.whole('count', 'another number of retries'),
    priority: flag.whole('0-100', 'another priority'),
    tag: flag.texts('tag', 'other tags'),
    note: flag.text('text', 'another note'),
  },
  examples: [
    { line: 'experiment clone lr --start', about: 'run it again' },
    { line: 'experiment clone lr --env LR=0.01 --name lr-2 --start', about: 'with another variable; the others stay' },
  ],
  async run(context, args, flags) {
    const client = await context.client()
    const original = await client.experiment.show({ experiment: args.experiment })
    const changes = await readEnv(context, flags)
    const body = {
      command: args.command.length > 0 ? toCommandLine(args.command) : undefined,
      name: flags.name ?? original.name,
      project: flags.project,
      machineType: flags.machineType,
      image: flags.image,
      env: Object.keys(changes).length > 0 ? { ...original.spec.env, ...changes } : undefined,
      datasets: flags.dataset.length > 0 ? flags.dataset.map(readMount) : undefined,
      timeLimitSeconds: flags.timeLimit,
      retries: flags.retries,
      priority: flags.priority,
      tags: flags.tag.length > 0 ? flags.tag : undefined,
      note: flags.note,
      start: flags.start,
      cliCommand: ['nabla', toCommandLine(context.words)].join(' '),
    }
    const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined))
    await sayExperiment(context, await client.experiment.clone({ experiment: original.id, body: given }), true)
  },
})

const update = defineCommand({
  name: 'update',
  about: 'Rename an experiment, replace its tags, or write its note',
  args: { experiment: whichExperiment },
  flags: {
    name: flag.text('name', 'its new name'),
    tag: flag.texts('tag', 'its tags from now on'),
    noTags: flag.on('take all its tags away'),
    note: flag.text('text', 'its note from now on, in Markdown'),
  },
  examples: [{ line: 'experiment update lr --tag baseline --note "best so far"', about: 'tags and note' }],
  async run(context, args, flags) {
    const client = await context.client()
    const tags = flags.noTags ? [] : flags.tag
    const body = {
      ...(flags.name !== undefined && { name: flags.name }),
      ...((flags.noTags || tags.length > 0) && { tags }),
      ...(flags.note !== undefined && { note: flags.note }),
    }
    const experiment = await client.experiment.update({ experiment: args.experiment, body })
    await answer(context, experiment, `Updated ${experiment.name}`)
  },
})

export const experiment: Group = {
  name: 'experiment',
  about: 'Run one node or many that work together, and keep how it was done',
  commands: [create, run, start, stop, list, show, logs, wait, compare, clone, update, remove],
}

async function answer({ out }: Context, experiment: Experiment, note: string): Promise<void> {
  if (out.json) await out.value(experiment)
  else out.note(note)
}

function columns(
  nowMs: number,
  paint: (experiment: ExperimentSummary, text: string) => string,
): Column<ExperimentSummary>[] {
  return [
    { title: 'NAME', rank: 0, shrinkTo: 16, cut: 'middle', value: ({ name }) => name },
    {
      title: 'STATE',
      rank: 0,
      value: ({ state, exitCode }) => `${signOf(state)} ${state}${state === 'failed' ? ` (${exitCode})` : ''}`,
      paint: (text, row) => paint(row, text),
    },
    { title: 'KIND', rank: 5, value: ({ kind, scheme }) => (scheme === null || scheme === 'none' ? kind : scheme) },
    { title: 'NODES', rank: 2, align: 'right', value: ({ nodes }) => String(nodes) },
    { title: 'PROJECT', rank: 3, shrinkTo: 10, value: ({ project }) => project.name },
    { title: 'COMMAND', rank: 4, shrinkTo: 16, value: ({ command }) => command },
    { title: 'CREATED', rank: 1, value: ({ createdAt }) => formatAgo(createdAt, nowMs) },
  ]
}
