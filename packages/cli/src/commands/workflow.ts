import { parse } from 'node:path'
import { type Workflow, workflowRoutes, type WorkflowRun } from '@nabla/api/workflow'
import { usageError } from '../cli-error.ts'
import { defineCommand, type Group } from '../command.ts'
import type { Context } from '../context.ts'
import { arg, flag } from '../flags.ts'
import { callCommand, listCommand } from '../from-contract.ts'
import { findProject } from '../project-file.ts'
import { formatAgo, formatTime } from '../terminal/format.ts'
import { hasEnded, printGraph, signOf, styleOf, timeOf } from '../workflow/words.ts'

const whichWorkflow = arg.required('name or id of the workflow', 'workflow')
const whichRun = arg.optional('number of the run (default: the newest)')

const create = defineCommand({
  name: 'create',
  about: 'Make a workflow, to be run later',
  args: { name: arg.required('what to call it') },
  flags: {
    project: flag.text('name', 'the project it belongs to (default: that of this folder)', { completes: 'project' }),
    tag: flag.texts('tag', 'a word to find it by'),
  },
  examples: [{ line: 'workflow create nightly --project digits', about: 'without runs yet' }],
  async run(context, { name }, { project, tag }) {
    const client = await context.client()
    const found = await findProject(context, project)
    const made = await client.workflow.create({ body: { name, project: found.name, tags: tag } })
    if (context.out.json) await context.out.value(made)
    else context.out.note(`Made the workflow ${made.name} (${made.id}) in the project ${made.project.name}`)
  },
})

const run = defineCommand({
  name: 'run',
  about: 'Run a workflow: jobs that wait for one another and hand files on',
  details: `
The file is YAML as that of workflows of Gradient: jobs with \`needs\`, \`inputs\`,
\`outputs\` and \`uses\`. Without a file it is what the newest run was. A workflow
that is not there yet is made; without a name it is called as its file.

It exits as the run did. Ctrl-C stops watching; the run goes on.`,
  args: { workflow: arg.optional('name or id of the workflow', 'workflow') },
  flags: {
    file: flag.text('file', 'what to run, in YAML or JSON', { short: 'f', completes: 'file' }),
    input: flag.texts('name=value', 'an input of the workflow: a text, or a dataset as NAME:VERSION', { short: 'i' }),
    project: flag.text('name', 'the project of the workflow; it is made there if it is not', { completes: 'project' }),
    detach: flag.on('do not wait for it', { short: 'd' }),
  },
  examples: [
    { line: 'workflow run -f train.yaml', about: 'the workflow train, made if it is not there' },
    { line: 'workflow run nightly -f train.yaml --input data=digits:3 --input rate=0.1', about: 'with its inputs' },
    { line: 'workflow run nightly --detach', about: 'what the newest run was, once more' },
  ],
  async run(context, { workflow }, { file, input, project, detach }) {
    const { findOrMake, readInputs, readWorkflowFile } = await import('../workflow/read.ts')
    const spec = file === undefined ? undefined : await readWorkflowFile(context, file)
    const name = workflow ?? (file === undefined ? undefined : parse(file).name)
    if (name === undefined) throw usageError('It is not said what to run.', 'Name a workflow, or a file with -f.')
    const inputs = readInputs(input)
    const client = await context.client()
    const { id } = await findOrMake(context, client, name, { make: spec !== undefined, project })
    const begun = await client.workflow.run({ workflow: id, body: { inputs, ...(spec && { spec }) } })
    return follow(context, begun, detach)
  },
})

const rerun = defineCommand({
  name: 'rerun',
  about: 'Run it once more: the same file, the same inputs, the same versions of data',
  args: { workflow: whichWorkflow, run: whichRun },
  flags: {
    fromFailed: flag.on('only jobs that did not succeed; what the others left is taken'),
    detach: flag.on('do not wait for it', { short: 'd' }),
  },
  examples: [
    { line: 'workflow rerun nightly 4', about: 'what run 4 was' },
    { line: 'workflow rerun nightly --from-failed', about: 'carry on where the newest run failed' },
  ],
  async run(context, { workflow, run: number }, { fromFailed, detach }) {
    const { findRun } = await import('../workflow/read.ts')
    const client = await context.client()
    const before = await findRun(client, workflow, number)
    const begun = await client.workflow.rerun({
      workflow: before.workflow.id,
      number: before.number,
      body: { fromFailed },
    })
    return follow(context, begun, detach)
  },
})

const list = listCommand<Workflow>('workflow', workflowRoutes, {
  about: 'Show workflows, newest first',
  columns: ({ io, out }) => [
    { title: 'NAME', rank: 0, shrinkTo: 12, value: ({ name }) => name },
    {
      title: 'NEWEST RUN',
      rank: 0,
      value: ({ latest }) => (latest === null ? '–' : `${signOf(latest.state)} ${latest.number} ${latest.state}`),
      paint: (text, { latest }) => (latest === null ? text : out.style(styleOf(latest.state), text)),
    },
    { title: 'RUNS', rank: 3, align: 'right', value: ({ runs }) => String(runs) },
    { title: 'PROJECT', rank: 2, shrinkTo: 10, value: ({ project }) => project.name },
    {
      title: 'BEGUN',
      rank: 1,
      value: ({ latest }) => (latest === null ? '–' : formatAgo(latest.createdAt, io.now())),
    },
  ],
  empty: 'No workflows. Run one with: nabla workflow run -f FILE',
  examples: [{ line: 'workflow list --project digits', about: 'those of a project' }],
})

const show = defineCommand({
  name: 'show',
  about: 'Show a workflow with its runs, or one run with its graph',
  args: { workflow: whichWorkflow, run: arg.optional('number of a run') },
  examples: [
    { line: 'workflow show nightly', about: 'its runs' },
    { line: 'workflow show nightly 4', about: 'the jobs of run 4, and what they wait for' },
  ],
  async run(context, { workflow, run: number }) {
    const { findRun } = await import('../workflow/read.ts')
    const client = await context.client()
    const { out, io } = context
    if (number !== undefined) {
      const found = await findRun(client, workflow, number)
      return out.json ? out.value(found) : showRun(context, found)
    }
    const found = await client.workflow.show({ workflow })
    const { items } = await client.workflow.runs({ workflow: found.id, limit: 20 })
    if (out.json) return out.value({ ...found, newestRuns: items })
    await out.fields([
      ['name', out.style('bold', found.name)],
      ['id', found.id],
      ['project', found.project.name],
      ['tags', found.tags.join(', ') || '–'],
      ['created', `${formatTime(found.createdAt)} by ${found.createdBy.name}`],
    ])
    if (items.length === 0) return
    await out.line()
    await out.table(items, [
      { title: 'RUN', rank: 0, align: 'right', value: (one) => String(one.number) },
      {
        title: 'STATE',
        rank: 0,
        value: ({ state }) => `${signOf(state)} ${state}`,
        paint: (text, { state }) => out.style(styleOf(state), text),
      },
      { title: 'JOBS', rank: 2, value: ({ jobs }) => `${jobs.ended} of ${jobs.total}` },
      { title: 'TIME', rank: 3, value: (one) => timeOf(one, io.now()) },
      { title: 'BEGUN', rank: 1, value: (one) => formatAgo(one.createdAt, io.now()) },
      { title: 'WHY', rank: 4, shrinkTo: 16, value: ({ reason }) => reason ?? '' },
    ])
  },
})

const logs = defineCommand({
  name: 'logs',
  about: 'Show what the jobs of a run wrote, each line with its job',
  args: { workflow: whichWorkflow, run: whichRun },
  flags: {
    job: flag.text('name', 'only this job of the run'),
    follow: flag.on('go on until the run has ended', { short: 'f' }),
  },
  examples: [
    { line: 'workflow logs nightly', about: 'of its newest run' },
    { line: 'workflow logs nightly 4 --job train --follow', about: 'one job, until the end' },
  ],
  async run(context, { workflow, run: number }, { job, follow: on }) {
    const { findRun } = await import('../workflow/read.ts')
    const { followRun, printLogs } = await import('../workflow/follow.ts')
    const client = await context.client()
    const found = await findRun(client, workflow, number)
    const names = found.jobs.map(({ name }) => name)
    if (job !== undefined && !names.includes(job)) {
      throw usageError(`Run ${found.number} has no job ${job}.`, `Its jobs are ${names.join(', ')}.`)
    }
    if (on) return followRun(context, found, job)
    await printLogs(context, client, found, job)
    return 0
  },
})

const stop = defineCommand({
  name: 'stop',
  about: 'Stop a run: jobs that run are ended, and no more are begun',
  args: { workflow: whichWorkflow, run: whichRun },
  flags: { grace: flag.duration('time to end by themselves', { fallback: '10s' }) },
  examples: [{ line: 'workflow stop nightly', about: 'its newest run' }],
  async run(context, { workflow, run: number }, { grace }) {
    const { findRun } = await import('../workflow/read.ts')
    const client = await context.client()
    const before = await findRun(client, workflow, number)
    const body = grace === undefined ? {} : { graceSeconds: grace }
    const asked = { workflow: before.workflow.id, number: before.number }
    const found = hasEnded(before) ? before : await client.workflow.stopRun({ ...asked, body })
    if (context.out.json) await context.out.value(found)
    else if (hasEnded(before)) context.out.note(`Run ${before.number} had ended: ${before.state}`)
    else context.out.note(`Stopping run ${before.number} of ${before.workflow.name}`)
  },
})

const update = defineCommand({
  name: 'update',
  about: 'Rename a workflow, or replace its tags',
  args: { workflow: whichWorkflow },
  flags: {
    name: flag.text('name', 'its new name'),
    tag: flag.texts('tag', 'its tags from now on'),
    noTags: flag.on('take all its tags away'),
  },
  examples: [{ line: 'workflow update nightly --tag weekly', about: 'its tags' }],
  async run(context, { workflow }, { name, tag, noTags }) {
    const client = await context.client()
    const body = {
      ...(name !== undefined && { name }),
      ...((noTags || tag.length > 0) && { tags: noTags ? [] : tag }),
    }
    const changed = await client.workflow.update({ workflow, body })
    if (context.out.json) await context.out.value(changed)
    else context.out.note(`Updated ${changed.name}`)
  },
})

const remove = callCommand<unknown>('workflow', workflowRoutes, 'delete', {
  name: 'delete',
  about: 'Delete a workflow with its runs and their jobs; datasets and models stay',
  examples: [{ line: 'workflow delete nightly', about: 'once its runs have ended' }],
  completes: 'workflow',
  print: async ({ out }, _, { workflow }) => out.note(`Deleted workflow ${String(workflow)}`),
})

export const workflow: Group = {
  name: 'workflow',
  about: 'Jobs that wait for one another and hand files on',
  commands: [create, run, rerun, list, show, logs, stop, update, remove],
}

async function follow(context: Context, begun: WorkflowRun, detach: boolean): Promise<number> {
  const { out } = context
  if (detach) {
    if (out.json) await out.value(begun)
    else out.note(`Run ${begun.number} of ${begun.workflow.name} has begun`)
    return 0
  }
  out.note(`Run ${begun.number} of ${begun.workflow.name}, ${begun.jobs.length} jobs`)
  const { followRun } = await import('../workflow/follow.ts')
  return followRun(context, begun)
}

async function showRun(context: Context, found: WorkflowRun): Promise<void> {
  const { out, io } = context
  const state = `${signOf(found.state)} ${found.state}${found.reason === null ? '' : `: ${found.reason}`}`
  const inputs = Object.entries(found.inputs).map(([name, value]) => `${name} = ${value}`)
  const fields: [string, string][] = [
    ['workflow', out.style('bold', found.workflow.name)],
    ['run', found.rerunOf === null ? String(found.number) : `${found.number}, another go of ${found.rerunOf}`],
    ['state', out.style(styleOf(found.state), state)],
    ['inputs', inputs.join('\n')],
    ['begun', `${formatAgo(found.createdAt, io.now())} by ${found.startedBy.name}`],
    ['time', timeOf(found, io.now())],
  ]
  await out.fields(fields.filter(([, value]) => value !== ''))
  await out.line()
  await printGraph(context, found)
}
