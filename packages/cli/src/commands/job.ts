import type { Job } from '@nabla/api/job'
import { jobStates } from '@nabla/api/job-states'
import { defineCommand, type Group } from '../command.ts'
import type { Context } from '../context.ts'
import { arg, flag } from '../flags.ts'
import { waitForEnd } from '../job/follow.ts'
import { exitCodeOf, hasEnded, signOf } from '../job/words.ts'
import { findJob, rememberJob } from '../project-file.ts'
import { toCommandLine } from '../quote.ts'
import { readEnv } from '../read-env.ts'
import { jobFlags, readModelMount, readMount } from '../job/flags.ts'
import { imageFlags, readContainer } from '../job/image.ts'
import { artifacts } from './artifact.ts'
import { compare } from './job-compare.ts'
import { logs } from './job-logs.ts'
import { metrics } from './job-metrics.ts'
import { packages } from './job-packages.ts'
import { forward, openPort } from './job-ports.ts'
import { sayJob, showJob } from './job-say.ts'
import { workspace } from './job-workspace.ts'

const whichJob = arg.optional('name or id of the job (default: the last one of this folder)', 'job')

const create = defineCommand({
  name: 'create',
  about: 'Submit a job and return at once',
  details: '\nThe same as `nabla run --detach`: see `nabla run --help` for what is sent.',
  args: { command: arg.words('the command and its arguments; a single word is a shell line') },
  flags: jobFlags,
  passThrough: true,
  examples: [
    { line: 'job create --name nightly -- python train.py', about: 'send this folder and train' },
    { line: 'job create --workspace none --json -- nvidia-smi', about: 'without files; prints the job as JSON' },
  ],
  async run(context, { command }, flags) {
    const { previewJob, submitJob } = await import('../job/submit.ts')
    if (flags.dryRun) return previewJob(context, flags)
    await sayJob(context, await submitJob(context, command, flags), true)
  },
})

const show = defineCommand({
  name: 'show',
  about: 'Show one job with all its details',
  args: { job: whichJob },
  examples: [
    { line: 'job show', about: 'the last one of this folder' },
    { line: 'job show train-7 --json', about: 'for a script' },
  ],
  async run(context, args) {
    const client = await context.client()
    const job = await client.job.show({ job: await findJob(context, args.job) })
    if (context.out.json) await context.out.value(job)
    else await showJob(context, job, job.spec.ports.length === 0 ? [] : (await client.job.ports({ job: job.id })).items)
  },
})

const wait = defineCommand({
  name: 'wait',
  about: 'Wait until a job has ended; exits as the job did',
  args: { job: whichJob },
  flags: { state: flag.oneOf(Object.keys(jobStates), 'wait for this state instead') },
  examples: [
    { line: 'job wait', about: 'the last one of this folder' },
    { line: 'job wait train-7 && nabla job artifacts download train-7', about: 'fetch the results when it is done' },
    { line: 'job wait train-7 --state running', about: 'until it starts' },
  ],
  async run(context, args, flags) {
    const client = await context.client()
    const id = await findJob(context, args.job)
    const job = await waitForEnd(context, client, id, undefined, flags.state as Job['state'] | undefined)
    await answer(context, job, `${signOf(job.state)} ${job.name} ${job.state}${job.reason ? `: ${job.reason}` : ''}`)
    return flags.state === job.state ? 0 : exitCodeOf(job)
  },
})

const stop = defineCommand({
  name: 'stop',
  about: 'Ask jobs to end; they are killed after a grace',
  args: { job: arg.any('names or ids (default: the last one of this folder)', 'job') },
  flags: { grace: flag.duration('time to end by themselves', { fallback: '10s' }) },
  examples: [
    { line: 'job stop', about: 'the last one of this folder' },
    { line: 'job stop train-7 train-8 --grace 1m', about: 'two, with a minute to save their work' },
  ],
  async run(context, args, flags) {
    const client = await context.client()
    for (const name of args.job.length > 0 ? args.job : [await findJob(context, undefined)]) {
      const before = await client.job.show({ job: name })
      const body = flags.grace === undefined ? {} : { graceSeconds: flags.grace }
      const job = hasEnded(before) ? before : await client.job.stop({ job: before.id, body })
      await answer(context, job, hasEnded(before) ? `${job.name} had ended: ${job.state}` : `Stopping ${job.name}`)
    }
  },
})

const remove = defineCommand({
  name: 'delete',
  about: 'Delete jobs with their logs and artifacts',
  args: { job: arg.many('names or ids of the jobs', 'job') },
  flags: { force: flag.on('also those that have not ended: they are killed') },
  examples: [
    { line: 'job delete train-7', about: 'one that has ended' },
    { line: 'job delete --force train-7 train-8', about: 'two, whatever they do' },
  ],
  async run(context, args, flags) {
    const client = await context.client()
    for (const job of args.job) {
      const answered = await client.job.delete({ job, ...(flags.force && { force: 'true' }) })
      if (context.out.json) await context.out.value({ job, ...answered })
      else context.out.note(`Deleted ${job}`)
    }
  },
})

const clone = defineCommand({
  name: 'clone',
  about: 'Submit a job again, with changes if you like',
  args: { job: whichJob, command: arg.words('another command') },
  flags: {
    name: jobFlags.name,
    project: flag.text('project', 'another project', { completes: 'project' }),
    machineType: jobFlags.machineType,
    image: flag.text('image', 'another image'),
    registry: imageFlags.registry,
    pull: imageFlags.pull,
    user: imageFlags.user,
    entrypoint: imageFlags.entrypoint,
    shmSize: imageFlags.shmSize,
    env: jobFlags.env,
    envFile: jobFlags.envFile,
    secret: jobFlags.secret,
    dataset: flag.texts('name[:version]', 'other datasets; those of the job are read in the same versions without it'),
    model: flag.texts('name[:version]', 'other models; those of the job are read in the same versions without it'),
    timeLimit: flag.duration('another time limit'),
    retries: flag.whole('count', 'another number of retries'),
    priority: flag.whole('0-100', 'another priority'),
    tag: flag.texts('tag', 'other tags'),
    workingDir: flag.text('path', 'another folder where the command starts'),
    artifactsDir: flag.text('path', 'another folder whose files are kept'),
    requirements: flag.text('file', 'other Python requirements'),
    noRequirements: flag.on('install no Python requirements'),
    port: flag.wholes('port', 'other ports', { short: 'p' }),
    retryOn: jobFlags.retryOn,
  },
  examples: [
    { line: 'job clone train-7', about: 'the same once more, with the same files' },
    { line: 'job clone train-7 --env LR=0.01', about: 'with another variable; the others stay' },
    { line: 'job clone train-7 -- python train.py --epochs 50', about: 'with another command' },
  ],
  async run(context, args, flags) {
    const client = await context.client()
    const original = await client.job.show({ job: await findJob(context, args.job) })
    const changes = await readEnv(context, flags)
    const body = {
      command: args.command.length > 0 ? toCommandLine(args.command) : undefined,
      name: flags.name,
      project: flags.project,
      machineType: flags.machineType,
      image: flags.image,
      ...readContainer(flags),
      env: Object.keys(changes).length > 0 ? { ...original.spec.env, ...changes } : undefined,
      datasets: flags.dataset.length > 0 ? flags.dataset.map(readMount) : undefined,
      models: flags.model.length > 0 ? flags.model.map(readModelMount) : undefined,
      timeLimitSeconds: flags.timeLimit,
      retries: flags.retries,
      priority: flags.priority,
      tags: flags.tag.length > 0 ? flags.tag : undefined,
      workingDir: flags.workingDir,
      artifactsDir: flags.artifactsDir,
      requirements: flags.noRequirements ? null : flags.requirements,
      ports: flags.port.length > 0 ? flags.port : undefined,
      retryOn: flags.retryOn,
    }
    const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined))
    const job = await client.job.clone({ job: original.id, body: given })
    await rememberJob(context, job.id)
    await sayJob(context, job, true)
  },
})

const update = defineCommand({
  name: 'update',
  about: 'Rename a job, replace its tags, or change its priority while it waits',
  args: { job: whichJob },
  flags: {
    name: flag.text('name', 'its new name'),
    tag: flag.texts('tag', 'its tags from now on'),
    noTags: flag.on('take all its tags away'),
    priority: flag.whole('0-100', 'higher starts first'),
  },
  examples: [
    { line: 'job update train-7 --tag baseline --tag keep', about: 'replace the tags' },
    { line: 'job update --priority 90', about: 'let the last one of this folder go first' },
  ],
  async run(context, args, flags) {
    const client = await context.client()
    const tags = flags.noTags ? [] : flags.tag
    const body = {
      ...(flags.name !== undefined && { name: flags.name }),
      ...((flags.noTags || tags.length > 0) && { tags }),
      ...(flags.priority !== undefined && { priority: flags.priority }),
    }
    const job = await client.job.update({ job: await findJob(context, args.job), body })
    await answer(context, job, `Updated ${job.name}`)
  },
})

export const job: Group = {
  name: 'job',
  about: 'Submit, watch and manage jobs',
  commands: [
    create,
    // Their options are those of the contract, whose schemas take longer to load than all else of a command.
    {
      name: 'list',
      about: 'Show jobs, newest first',
      load: async () => (await import('./job-list.ts')).list,
    },
    {
      name: 'queue',
      about: 'Show what waits for a place on the machine, and why',
      load: async () => (await import('./job-list.ts')).queue,
    },
    show,
    compare,
    logs,
    metrics,
    wait,
    stop,
    clone,
    update,
    remove,
    artifacts,
    workspace,
    packages,
    openPort,
    forward,
  ],
}

async function answer({ out }: Context, job: Job, note: string): Promise<void> {
  if (out.json) await out.value(job)
  else out.note(note)
}
