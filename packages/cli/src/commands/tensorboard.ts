import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '@nabla/api/client'
import { type Tensorboard, tensorboardRoutes, tensorboardStates } from '@nabla/api/tensorboard'
import { CliError } from '../cli-error.ts'
import { defineCommand, type Group } from '../command.ts'
import type { Context } from '../context.ts'
import { arg, flag } from '../flags.ts'
import { callCommand, listCommand } from '../from-contract.ts'
import { openBrowser } from '../open-browser.ts'
import { formatAgo, formatTime } from '../terminal/format.ts'

/** Between two looks at one that is being started. */
const pauseMs = 500

const whichOne = arg.required('name or id of the TensorBoard')

const list = listCommand<Tensorboard>('tensorboard', tensorboardRoutes, {
  about: 'Show TensorBoards, newest first',
  columns: ({ io }) => [
    { title: 'NAME', rank: 0, shrinkTo: 12, value: ({ name }) => name },
    { title: 'STATE', rank: 0, value: ({ state }) => state },
    { title: 'SHOWS', rank: 1, shrinkTo: 16, value: (one) => showsOf(one) },
    { title: 'PROJECT', rank: 3, shrinkTo: 10, value: ({ project }) => project.name },
    { title: 'USED', rank: 2, value: ({ usedAt }) => formatAgo(usedAt, io.now()) },
  ],
  empty: 'No TensorBoards. Make one with: nabla tensorboard create --job JOB',
  examples: [{ line: 'tensorboard list', about: 'those of the team' }],
})

const create = defineCommand({
  name: 'create',
  about: 'Start a TensorBoard over the artifacts of jobs and experiments, and open it',
  details: `
It shows the event files that jobs write to /artifacts, of jobs that run too, and
stops by itself when nobody has used it for a while. The first start takes a
minute, for its packages.`,
  flags: {
    job: flag.texts('name', 'a job, by name or id', { completes: 'job' }),
    experiment: flag.texts('name', 'an experiment, by name or id: all of its jobs'),
    name: flag.text('name', 'what to call it (default: made up)'),
    idleMinutes: flag.whole('minutes', 'stop it when nobody has used it for so long', { fallback: '60' }),
    print: flag.on('print the link, and open nothing'),
    detach: flag.on('do not wait for it', { short: 'd' }),
  },
  examples: [
    { line: 'tensorboard create --job train-7 --job train-8', about: 'two jobs side by side' },
    { line: 'tensorboard create --experiment mnist --name mnist', about: 'all jobs of an experiment' },
  ],
  async run(context, _args, { job, experiment, name, idleMinutes, print, detach }) {
    const client = await context.client()
    const made = await client.tensorboard.create({
      body: {
        jobs: job,
        experiments: experiment,
        ...(name !== undefined && { name }),
        ...(idleMinutes !== undefined && { idleMinutes }),
      },
    })
    if (!detach) return openOne(context, client, made.id, print)
    if (context.out.json) await context.out.value(made)
    else context.out.note(`TensorBoard ${made.name} is being started. Open it: nabla tensorboard open ${made.id}`)
  },
})

const open = defineCommand({
  name: 'open',
  about: 'Open a TensorBoard in your browser, signed in; one that is stopped is started',
  details: `
The link signs in one browser, once and within a minute. Where there is no
screen, or with --print, it is printed.`,
  args: { tensorboard: whichOne },
  flags: { print: flag.on('print the link, and open nothing') },
  examples: [
    { line: 'tensorboard open mnist', about: 'in your browser' },
    { line: 'tensorboard open mnist --json', about: 'address and token, for a program' },
  ],
  run: async (context, { tensorboard }, { print }) => openOne(context, await context.client(), tensorboard, print),
})

const show = callCommand<Tensorboard>('tensorboard', tensorboardRoutes, 'show', {
  name: 'show',
  about: 'Show a TensorBoard',
  examples: [{ line: 'tensorboard show mnist', about: 'its state, and what it shows' }],
  print: async ({ out, io }, one) =>
    out.fields([
      ['name', out.style('bold', one.name)],
      ['id', one.id],
      ['project', one.project.name],
      ['state', one.reason === null ? one.state : `${one.state}: ${one.reason}`],
      ['jobs', one.jobs.map(({ name }) => name).join(', ') || '–'],
      ['experiments', one.experiments.map(({ name }) => name).join(', ') || '–'],
      ['address', one.address ?? '–'],
      ['stops', `when nobody has used it for ${one.idleMinutes} minutes`],
      ['used', formatAgo(one.usedAt, io.now())],
      ['created', `${formatTime(one.createdAt)} by ${one.createdBy.name}`],
    ]),
})

const stop = callCommand<Tensorboard>('tensorboard', tensorboardRoutes, 'stop', {
  name: 'stop',
  about: 'Stop a TensorBoard; opening it starts it again',
  examples: [{ line: 'tensorboard stop mnist', about: 'it keeps what it was made for' }],
  print: async ({ out }, { name }) => out.note(`Stopping TensorBoard ${name}`),
})

const remove = callCommand<unknown>('tensorboard', tensorboardRoutes, 'delete', {
  name: 'delete',
  about: 'Delete a TensorBoard; jobs and their artifacts stay',
  examples: [{ line: 'tensorboard delete mnist', about: 'it is stopped if it runs' }],
  print: async ({ out }, _, { tensorboard }) => out.note(`Deleted TensorBoard ${String(tensorboard)}`),
})

export const tensorboard: Group = {
  name: 'tensorboard',
  about: 'TensorBoards over what jobs write',
  commands: [create, open, list, show, stop, remove],
}

/** Waits until it runs; only then is a link made, which is good for a minute. */
async function openOne(context: Context, client: Client, reference: string, print: boolean): Promise<void> {
  const { out } = context
  const { tensorboard: asked } = await client.tensorboard.open({ tensorboard: reference, body: {} })
  let one = asked
  if (one.state !== 'running') out.note(`Starting TensorBoard ${one.name}. The first start takes a minute.`)
  while (!tensorboardStates[one.state].ended && one.state !== 'running') {
    await pause(pauseMs)
    one = await client.tensorboard.show({ tensorboard: asked.id })
  }
  if (one.state !== 'running') {
    throw new CliError(
      `TensorBoard ${one.name} is ${one.state}: ${one.reason ?? 'somebody stopped it.'}`,
      `Try again with \`nabla tensorboard open ${one.id}\`.`,
    )
  }
  const link = await client.tensorboard.open({ tensorboard: asked.id, body: {} })
  if (out.json) await out.value(link)
  else if (print || !(await openBrowser(context, link.url))) await out.line(link.url)
  else out.note(`Opened ${link.address} in your browser.`)
}

const showsOf = ({ jobs, experiments }: Tensorboard): string =>
  [...experiments, ...jobs].map(({ name }) => name).join(', ')
