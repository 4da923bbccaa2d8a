import { rm, rmdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Project, projectRoutes } from '@nabla/api/project'
import { usageError } from '../cli-error.ts'
import { defineCommand, type Group } from '../command.ts'
import { arg, flag } from '../flags.ts'
import { formatAgo, formatBytes, formatTime, plural } from '../terminal/format.ts'
import { callCommand, listCommand } from '../from-contract.ts'
import { findProject, writeProject } from '../project-file.ts'
import { askToGoOn } from '../terminal/prompts.ts'

const list = listCommand<Project>('project', projectRoutes, {
  about: 'Show the projects of the team, newest first',
  columns: ({ io }) => [
    { title: 'NAME', rank: 0, shrinkTo: 12, value: (project) => project.name },
    { title: 'JOBS', rank: 1, align: 'right', value: (project) => String(project.jobs.total) },
    { title: 'ACTIVE', rank: 2, align: 'right', value: (project) => String(project.jobs.active) },
    { title: 'TAGS', rank: 3, shrinkTo: 10, value: (project) => project.tags.join(', ') },
    { title: 'CREATED', rank: 4, value: (project) => formatAgo(project.createdAt, io.now()) },
    { title: 'ID', rank: 5, value: (project) => project.id },
  ],
  empty: 'No projects. The first job of a folder makes one: nabla run -- echo hello',
  examples: [
    { line: 'project list', about: 'all of them' },
    { line: 'project list --tag paper --json', about: 'those with a tag, for a script' },
  ],
})

const create = callCommand<Project>('project', projectRoutes, 'create', {
  name: 'create',
  about: 'Make a project',
  details: '\nJobs make theirs by themselves, from the name of the folder they are submitted from.',
  examples: [{ line: 'project create digits --tag paper', about: 'with a tag' }],
  print: async ({ out }, { name }) => out.note(`Made project ${name}`),
})

const show = defineCommand({
  name: 'show',
  about: 'Show one project',
  args: { project: arg.optional('name or id (default: the one of this folder)', 'project') },
  examples: [
    { line: 'project show', about: 'the one of this folder' },
    { line: 'project show digits --json', about: 'for a script' },
  ],
  async run(context, args) {
    const { out } = context
    const client = await context.client()
    const { name } = await findProject(context, args.project)
    const project = await client.project.show({ project: name })
    if (out.json) {
      await out.value(project)
      return
    }
    await out.fields([
      ['name', out.style('bold', project.name)],
      ['id', project.id],
      ['jobs', `${project.jobs.total}, ${project.jobs.active} of them active`],
      ['tags', project.tags.join(', ') || '–'],
      ['created', formatTime(project.createdAt)],
    ])
  },
})

const update = callCommand<Project>('project', projectRoutes, 'update', {
  name: 'update',
  about: 'Rename a project or replace its tags',
  completes: 'project',
  examples: [
    { line: 'project update digits --name numbers', about: 'rename it' },
    { line: 'project update digits --tag paper --tag 2026', about: 'replace its tags' },
  ],
  print: async ({ out }, { name }) => out.note(`Updated project ${name}`),
})

const remove = defineCommand({
  name: 'delete',
  about: 'Delete a project with all its jobs',
  details: '\nSays what goes and asks first. Running jobs are stopped; logs and artifacts go too.',
  args: { project: arg.required('name or id of the project', 'project') },
  flags: {
    yes: flag.on('do not ask', { short: 'y' }),
    dryRun: flag.on('only say what would go'),
  },
  examples: [
    { line: 'project delete digits', about: 'asks first' },
    { line: 'project delete digits --dry-run', about: 'what would go' },
    { line: 'project delete digits --yes', about: 'in a script' },
  ],
  async run(context, { project }, { yes, dryRun }) {
    const { out } = context
    const client = await context.client()
    const found = await client.project.show({ project })
    const would = await client.project.delete({ project: found.id, dryRun: 'true' })
    const active = would.activeJobs > 0 ? `, ${would.activeJobs} of them stopped for it` : ''
    const what = `${plural(would.jobs, 'job')}${active}, ${formatBytes(would.artifactBytes)} of artifacts`
    if (dryRun) {
      if (out.json) await out.value(would)
      else await out.line(`Deleting ${found.name} would take with it: ${what}.`)
      return
    }
    if (!yes) await askToGoOn(context, `Delete ${found.name} and all it holds (${what})?`)
    const gone = await client.project.delete({ project: found.id })
    if (out.json) await out.value(gone)
    else out.note(`Deleted ${found.name} (${what})`)
  },
})

const init = defineCommand({
  name: 'init',
  about: 'Note in this folder which project its jobs belong to',
  details: '\nWrites .nabla/project.json. The server hears of the project with its first job.',
  args: { name: arg.optional('name of the project (default: the name of the folder)') },
  examples: [
    { line: 'project init', about: 'named after this folder' },
    { line: 'project init digits', about: 'with a name of your choice' },
  ],
  async run(context, args) {
    const name = args.name ?? basename(context.cwd)
    if (name === '') throw usageError('The folder / gives no name to a project.', 'Name it: nabla project init NAME')
    await writeProject(context, name)
    if (context.out.json) await context.out.value({ project: name })
  },
})

const clear = defineCommand({
  name: 'clear',
  about: 'Forget the project and the last job of this folder',
  details: '\nRemoves what was noted in the folder .nabla. Nothing on the server changes.',
  examples: [{ line: 'project clear', about: 'the next job names the project anew' }],
  async run({ cwd, out }) {
    for (const file of ['project.json', 'state.json', '.gitignore'])
      await rm(join(cwd, '.nabla', file), { force: true })
    await rmdir(join(cwd, '.nabla')).catch(() => undefined)
    if (out.json) await out.value({ cleared: true })
    else out.note('This folder belongs to no project now.')
  },
})

export const project: Group = {
  name: 'project',
  about: 'Group jobs by what they are for',
  commands: [list, show, create, update, remove, init, clear],
}
