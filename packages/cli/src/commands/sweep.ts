import type { ExperimentSummary } from '@nabla/api/experiment'
import { paramText } from '@nabla/api/param-text'
import { type Sweep, sweepRoutes, type Trial } from '@nabla/api/sweep'
import { usageError } from '../cli-error.ts'
import { defineCommand, type Group } from '../command.ts'
import { experimentFlags } from '../experiment/flags.ts'
import { signOf, styleOf } from '../experiment/words.ts'
import { arg, flag } from '../flags.ts'
import { listCommand, readPages } from '../from-contract.ts'
import { readSearch, sweepFlags } from '../sweep/sweep-flags.ts'
import { objectivesText, progressLine, progressOf, valuesText } from '../sweep/words.ts'
import { formatAgo } from '../terminal/format.ts'
import { sparkline } from '../terminal/sparkline.ts'
import type { Context } from '../context.ts'
import { sayExperiment } from './experiment-say.ts'

const whichSweep = arg.required('name or id of the sweep')

const run = defineCommand({
  name: 'run',
  about: 'Search for good parameters: run a command with many of them',
  details: `
Each trial is a job. In its command {{rate}} is the value of the parameter rate
and {{args}} is --name=value for all of them; the values are also in the
environment (NABLA_PARAM_RATE, NABLA_PARAMS) and in /generated/params.json.
The program logs the metric that is searched for, with MLflow or any other way.

Without a command programs elsewhere take trials: see \`nabla sweep ask\`.
With -f it is what a file says; options go before it.`,
  args: { command: arg.words('the command and its arguments; a single word is a shell line') },
  flags: { ...sweepFlags, ...experimentFlags, detach: flag.on('do not wait for it', { short: 'd' }) },
  passThrough: true,
  examples: [
    {
      line: "sweep run --param rate=1e-4..1:log --param layers=1..8 --minimize loss --trials 50 -- 'python train.py {{args}}'",
      about: 'TPE, one trial at a time',
    },
    { line: 'sweep run -f sweep.yaml --parallel 4 --stop-rule asha', about: 'of a file, four at a time' },
    {
      line: "sweep run --hyperopt space.py --minimize loss -- 'python train.py {{args}}'",
      about: 'with the search space of an old script',
    },
  ],
  async run(context, { command }, flags) {
    const { submitExperiment } = await import('../experiment/submit.ts')
    const search = await readSearch(context.cwd, flags)
    const experiment = await submitExperiment(context, command, flags, true, search)
    if (!experiment) return 0
    await sayExperiment(context, experiment, flags.detach)
    if (flags.detach) return 0
    const { followSweep } = await import('../sweep/follow.ts')
    return followSweep(context, experiment.id)
  },
})

const list = defineCommand({
  name: 'list',
  about: 'Show sweeps, newest first',
  flags: {
    project: flag.text('name', 'only those of this project', { completes: 'project' }),
    limit: flag.whole('count', 'most rows to show', { fallback: '50' }),
  },
  examples: [{ line: 'sweep list', about: 'the newest ones' }],
  async run(context, _args, { project, limit }) {
    const client = await context.client()
    const list = (input: object) => client.experiment.list({ ...input, kind: 'sweep' })
    const { items } = await readPages<ExperimentSummary>(list, project === undefined ? {} : { project }, limit ?? 50)
    const { out, io } = context
    if (out.json) return out.value(items)
    if (items.length === 0) return out.note('No sweeps. Run one with: nabla sweep run --help')
    const sweeps = await Promise.all(items.slice(0, mostShown).map(({ id }) => client.sweep.show({ sweep: id })))
    const byId = new Map(sweeps.map((sweep) => [sweep.id, sweep]))
    await out.table(items, [
      { title: 'NAME', rank: 0, shrinkTo: 16, cut: 'middle', value: ({ name }) => name },
      {
        title: 'STATE',
        rank: 0,
        value: ({ state }) => `${signOf(state)} ${state}`,
        paint: (text, { state }) => out.style(styleOf(state), text),
      },
      { title: 'TRIALS', rank: 1, align: 'right', value: ({ id }) => trialsText(byId.get(id)) },
      { title: 'BEST', rank: 2, shrinkTo: 12, value: ({ id }) => bestText(byId.get(id)) },
      { title: 'PROJECT', rank: 4, shrinkTo: 10, value: ({ project }) => project.name },
      { title: 'CREATED', rank: 3, value: ({ createdAt }) => formatAgo(createdAt, io.now()) },
      { title: 'COMMAND', rank: 5, shrinkTo: 16, value: ({ command }) => command },
    ])
  },
})

/** Sweeps of a list whose trials are counted: each is asked for by itself. */
const mostShown = 50

function trialsText(sweep: Sweep | undefined): string {
  if (!sweep) return ''
  const { complete, stopped, failed, most } = sweep.trials
  return `${complete + stopped + failed} of ${most}`
}

/** The best value; of several objectives how many trials no other beats. */
function bestText(sweep: Sweep | undefined): string {
  const [first] = sweep?.best ?? []
  if (!sweep || !first) return ''
  return sweep.search.objectives.length > 1 ? `${sweep.best.length} on the front` : objectivesText(first)
}

const show = defineCommand({
  name: 'show',
  about: 'Show how far a sweep is, what is best so far, and what it depends on',
  details: `
Once there are enough trials: which parameters matter, the best value along each
of them, the best trials along all of them, a map over the two that matter most,
when trials ran, and for several objectives the trials that no other beats. They
are as wide as the terminal.`,
  args: { sweep: whichSweep },
  flags: {
    over: flag.texts('parameter', 'draw the map over these two'),
    brief: flag.on('leave out the pictures'),
  },
  examples: [
    { line: 'sweep show lr', about: 'with its best trial, and pictures' },
    { line: 'sweep show lr --over rate --over layers', about: 'with a map over these two parameters' },
  ],
  async run(context, args, { over, brief }) {
    const client = await context.client()
    const sweep = await client.sweep.show({ sweep: args.sweep })
    if (context.out.json) return context.out.value(sweep)
    const pair = pairOf(sweep, over)
    const { items } = await client.sweep.trials({ sweep: sweep.id, limit: 10_000 })
    await showSweep(context, sweep, items)
    if (brief) return
    const { textViews } = await import('../sweep/views.ts')
    const look = { width: context.out.width ?? usualWidth, over: pair, nowMs: context.io.now() }
    for (const { title, lines } of textViews(sweep, items, look)) {
      await context.out.line(['', context.out.style('bold', title), ...lines].join('\n'))
    }
  },
})

/** Of pictures that go to a file or a pipe. */
const usualWidth = 80

/** The two parameters that a map is asked for. Throws a usage error. */
function pairOf({ search }: Sweep, over: readonly string[]): [string, string] | undefined {
  if (over.length === 0) return undefined
  const unknown = over.find((name) => !Object.hasOwn(search.space, name))
  const names = Object.keys(search.space).join(', ')
  if (unknown !== undefined)
    throw usageError(`${unknown} is no parameter of this sweep.`, `Its parameters are ${names}.`)
  const [one, other, third] = over
  if (one !== undefined && other !== undefined && one !== other && third === undefined) return [one, other]
  throw usageError('A map is over two parameters.', 'Give --over twice, with two of them.')
}

async function showSweep({ out, io }: Context, sweep: Sweep, trials: readonly Trial[]): Promise<void> {
  const { search, best } = sweep
  const space = Object.entries(search.space).map(([name, one]) => `${name} ${paramText(one)}`)
  const fields: [string, string | null][] = [
    ['name', out.style('bold', sweep.name)],
    ['id', sweep.id],
    ['project', sweep.project.name],
    ['state', `${signOf(sweep.state)} ${sweep.state} · ${progressOf(sweep)}`],
    ['reason', sweep.reason],
    ['objectives', search.objectives.map(({ metric, direction }) => `${direction} ${metric}`).join(', ')],
    ['searcher', search.searcher],
    ['space', space.join('\n')],
    ['so far', historyOf(sweep, trials)],
    ['started', sweep.startedAt === null ? null : formatAgo(sweep.startedAt, io.now())],
  ]
  await out.fields(fields.filter((field): field is [string, string] => Boolean(field[1])))
  if (best.length === 0) return
  await out.line()
  await out.table(best, trialColumns())
}

/** The best value so far, trial by trial, as bars: how the search went. */
function historyOf({ search }: Sweep, trials: readonly Trial[]): string | null {
  const [objective, second] = search.objectives
  if (!objective || second) return null
  const values = trials.flatMap(({ objectives }) => objectives?.[objective.metric] ?? [])
  if (values.length < 2) return null
  const better = objective.direction === 'maximize' ? Math.max : Math.min
  let best = values[0] ?? 0
  const bestSoFar = values.map((value) => (best = better(best, value)))
  const least = Math.min(...bestSoFar)
  return sparkline(
    bestSoFar.map((value) => value - least),
    40,
    Math.max(...bestSoFar) - least,
  )
}

function trialColumns() {
  return [
    { title: 'TRIAL', rank: 0, align: 'right' as const, value: ({ number }: Trial) => String(number) },
    { title: 'STATE', rank: 2, value: ({ state }: Trial) => state },
    { title: 'OBJECTIVES', rank: 0, value: (trial: Trial) => objectivesText(trial) },
    { title: 'VALUES', rank: 1, shrinkTo: 20, value: ({ values }: Trial) => valuesText(values) },
    { title: 'JOB', rank: 4, value: ({ job }: Trial) => job ?? '' },
    { title: 'REASON', rank: 3, shrinkTo: 20, value: ({ reason }: Trial) => reason ?? '' },
  ]
}

const trials = listCommand<Trial>(
  'sweep',
  sweepRoutes,
  {
    about: 'Show the trials of a sweep',
    columns: trialColumns(),
    empty: 'No trials yet.',
    examples: [
      { line: 'sweep trials lr --limit 500', about: 'the first 500' },
      { line: 'sweep trials lr --state failed', about: 'those that failed, and why' },
    ],
  },
  'trials',
)

const update = defineCommand({
  name: 'update',
  about: 'Change how many trials a sweep has, in all and at a time',
  args: { sweep: whichSweep },
  flags: {
    trials: flag.whole('count', 'most trials in all'),
    parallel: flag.whole('count', 'most trials at a time'),
  },
  examples: [{ line: 'sweep update lr --trials 200 --parallel 8', about: 'more of both' }],
  async run(context, { sweep }, { trials, parallel }) {
    const body = { ...(trials !== undefined && { trials }), ...(parallel !== undefined && { parallel }) }
    await change(context, sweep, body)
  },
})

const pause = defineCommand({
  name: 'pause',
  about: 'Begin no further trials; those that run go on',
  args: { sweep: whichSweep },
  examples: [{ line: 'sweep pause lr', about: 'until: nabla sweep resume lr' }],
  run: (context, { sweep }) => change(context, sweep, { paused: true }),
})

const resume = defineCommand({
  name: 'resume',
  about: 'Let a sweep go on that was paused',
  args: { sweep: whichSweep },
  examples: [{ line: 'sweep resume lr', about: 'trials begin again' }],
  run: (context, { sweep }) => change(context, sweep, { paused: false }),
})

async function change(
  context: Context,
  sweep: string,
  body: { paused?: boolean; trials?: number; parallel?: number },
): Promise<void> {
  const client = await context.client()
  const changed = await client.sweep.update({ sweep, body })
  if (context.out.json) await context.out.value(changed)
  else context.out.note(progressLine(changed))
}

const ask = defineCommand({
  name: 'ask',
  about: 'Take the next trial, to run it here',
  details: `
Prints its number and its values, as JSON with --json. Tell what came out of it
with \`nabla sweep tell\`. It exits with 1 when there is none: the sweep is over,
paused, or waits for a trial that runs.`,
  args: { sweep: whichSweep },
  examples: [{ line: 'sweep ask lr --json', about: 'for a script' }],
  async run(context, { sweep }) {
    const client = await context.client()
    const answer = await client.sweep.ask({ sweep })
    if (context.out.json) await context.out.value(answer)
    else if (answer.trial) await context.out.line(`${answer.trial.number}  ${valuesText(answer.trial.values)}`)
    else
      context.out.note(answer.status === 'done' ? 'There are no more trials.' : 'There is none now: ask again later.')
    return answer.trial ? 0 : 1
  },
})

const tell = defineCommand({
  name: 'tell',
  about: 'Tell what came out of a trial that was asked for',
  args: { sweep: whichSweep, number: arg.required('number of the trial') },
  flags: {
    objective: flag.texts('metric=value', 'a value; one for each objective'),
    failed: flag.text('reason', 'it failed, and why'),
  },
  examples: [
    { line: 'sweep tell lr 12 --objective loss=0.031', about: 'it went well' },
    { line: "sweep tell lr 13 --failed 'out of memory'", about: 'it did not' },
  ],
  async run(context, { sweep, number }, { objective, failed }) {
    const client = await context.client()
    const objectives = Object.fromEntries(
      objective.map((text) => {
        const at = text.indexOf('=')
        return [text.slice(0, at), Number(text.slice(at + 1))]
      }),
    )
    const body = failed === undefined ? { objectives } : { state: 'failed' as const, reason: failed }
    const trial = await client.sweep.tell({ sweep, number: Number(number), body })
    if (context.out.json) await context.out.value(trial)
    else context.out.note(`Trial ${trial.number} is ${trial.state}`)
  },
})

export const sweep: Group = {
  name: 'sweep',
  about: 'Search for good parameters',
  commands: [run, list, show, trials, update, pause, resume, ask, tell],
}
