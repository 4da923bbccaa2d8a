import { type Notebook, notebookRoutes, type NotebookSummary } from '@nabla/api/notebook'
import { defineCommand, type Group } from '../command.ts'
import type { Context } from '../context.ts'
import { arg, flag } from '../flags.ts'
import { listCommand } from '../from-contract.ts'
import { printList } from '../print-list.ts'
import { createFlags, createNotebook, readSpec, specFlags } from '../notebook/create.ts'
import { notebookColumns, sayNotebook, showNotebook } from '../notebook/say.ts'
import { waitUntilRuns } from '../notebook/wait.ts'
import { isActive } from '../notebook/words.ts'
import { openBrowser } from '../open-browser.ts'
import { quoteWord } from '../quote.ts'
import { compare, files, get, runFile, versions } from './notebook-files.ts'
import { logs, metrics } from './notebook-logs.ts'

const whichNotebook = arg.required('name or id of the notebook')

const list = listCommand<NotebookSummary>('notebook', notebookRoutes, {
  about: 'Show notebooks, newest first',
  columns: notebookColumns,
  empty: 'No notebooks. Make one with: nabla notebook create',
  examples: [
    { line: 'notebook list', about: 'the newest ones' },
    { line: 'notebook list --state running', about: 'those that run now' },
  ],
})

const create = defineCommand({
  name: 'create',
  about: 'Make a notebook and start it',
  details: `
Its files are in /notebooks and stay, as do the packages that you install with pip. /storage is the
storage of the team. It is stopped when nobody uses it; it can be started again.`,
  flags: createFlags,
  examples: [
    { line: 'notebook create --name digits', about: 'an empty one' },
    { line: 'notebook create --workspace . --package "torch>=2.6"', about: 'with the files of this folder' },
    { line: 'notebook create --from-job train-7 --name look', about: 'with the files of a job' },
    { line: 'notebook create --image jupyter/scipy-notebook --idle-limit 4h', about: 'in an image that has Jupyter' },
  ],
  async run(context, _args, flags) {
    await sayNotebook(context, await createNotebook(context, flags))
  },
})

const show = defineCommand({
  name: 'show',
  about: 'Show one notebook with all its details',
  args: { notebook: whichNotebook },
  examples: [{ line: 'notebook show digits', about: 'with what its start took' }],
  async run(context, { notebook }) {
    const client = await context.client()
    const found = await client.notebook.show({ notebook })
    if (context.out.json) await context.out.value(found)
    else await showNotebook(context, found)
  },
})

const start = defineCommand({
  name: 'start',
  about: 'Start a notebook that is stopped',
  args: { notebook: whichNotebook },
  flags: {
    machineType: flag.text('type', 'on another machine type from now on', { completes: 'machine-type' }),
    rebuild: flag.on('make its environment anew, of the packages that it had'),
    wait: flag.on('until it runs', { short: 'w' }),
  },
  examples: [
    { line: 'notebook start digits', about: 'with files and packages as they were' },
    { line: 'notebook start digits --machine-type C4 --wait', about: 'on a larger one; until it runs' },
  ],
  async run(context, { notebook }, { machineType, rebuild, wait }) {
    const client = await context.client()
    const body = { rebuild, ...(machineType !== undefined && { machineType }) }
    const started = await client.notebook.start({ notebook, body })
    await sayNotebook(context, wait ? await waitUntilRuns(context, started) : started)
  },
})

const stop = defineCommand({
  name: 'stop',
  about: 'Stop notebooks; files and packages are kept',
  args: { notebook: arg.many('names or ids of the notebooks') },
  flags: { grace: flag.duration('time to end by itself', { fallback: '10s' }) },
  examples: [{ line: 'notebook stop digits', about: 'what its kernels know is gone' }],
  async run(context, args, { grace }) {
    const client = await context.client()
    const body = grace === undefined ? {} : { graceSeconds: grace }
    for (const name of args.notebook) {
      const before = await client.notebook.show({ notebook: name })
      const found = await client.notebook.stop({ notebook: before.id, body })
      await answer(context, found, isActive(before) ? `Stopping ${found.name}` : `${found.name} is ${found.state}`)
    }
  },
})

const open = defineCommand({
  name: 'open',
  about: 'Open a notebook in your browser, signed in; one that is stopped is started first',
  details: `
It has an address of its own that stays the same. The link signs in one browser, once and within a
minute. Where there is no screen, or with --print, it is printed.`,
  args: { notebook: whichNotebook },
  flags: {
    path: flag.text('path', 'page to open; /tree is the classic interface', { fallback: '/lab' }),
    file: flag.text('path', 'file to open'),
    print: flag.on('print the link, and open nothing'),
  },
  examples: [
    { line: 'notebook open digits', about: 'JupyterLab' },
    { line: 'notebook open digits --path /tree', about: 'the classic interface' },
    { line: 'notebook open digits --file train.ipynb', about: 'with a file' },
  ],
  async run(context, { notebook }, { path, file, print }) {
    const { out } = context
    const client = await context.client()
    const found = await client.notebook.show({ notebook })
    if (!isActive(found)) await client.notebook.start({ notebook: found.id, body: {} })
    await waitUntilRuns(context, found)
    const page =
      file === undefined ? (path ?? '/lab') : `/lab/tree/${file.split('/').map(encodeURIComponent).join('/')}`
    const link = await client.notebook.open({
      notebook: found.id,
      body: { path: page.startsWith('/') ? page : `/${page}` },
    })
    if (out.json) await out.value(link)
    else if (print || !(await openBrowser(context, link.url))) await out.line(link.url)
    else out.note(`Opened ${link.address} in your browser.`)
  },
})

const token = defineCommand({
  name: 'token',
  about: 'Show what other clients of Jupyter need: address and token',
  details: `
For VS Code ("Existing Jupyter Server"), jupyter_client and scripts. The token is yours, good for this
notebook only, and ends with your place in the team. It stays the same.`,
  args: { notebook: whichNotebook },
  flags: { address: flag.on('only the address, with the token in it') },
  examples: [
    { line: 'notebook token digits', about: 'the token alone, for a script' },
    { line: 'notebook token digits --address', about: 'to paste into VS Code' },
  ],
  async run(context, { notebook }, flags) {
    const client = await context.client()
    const link = await client.notebook.open({ notebook, body: {} })
    const url = `${link.programAddress}?token=${link.token}`
    if (context.out.json) await context.out.value({ address: link.address, token: link.token, url })
    else await context.out.line(flags.address ? url : link.token)
  },
})

const fork = defineCommand({
  name: 'fork',
  about: 'Make another notebook with the files and packages of one',
  details: '\nVariables that hold secrets are left behind. With --version it has the files of that session.',
  args: { notebook: whichNotebook },
  flags: {
    name: flag.text('name', 'name of the fork', { fallback: 'NAME-fork' }),
    project: flag.text('project', 'another project', { completes: 'project' }),
    version: flag.whole('number', 'the files of this version', { fallback: 'as they are now' }),
    machineType: flag.text('type', 'another machine type', { completes: 'machine-type' }),
    start: flag.on('start it at once'),
  },
  examples: [
    { line: 'notebook fork digits --name digits-2 --start', about: 'as it is now' },
    { line: 'notebook fork digits --version 3', about: 'go back to the third session' },
  ],
  async run(context, { notebook }, { name, project, version, machineType, start }) {
    const client = await context.client()
    const body = {
      start,
      ...(name !== undefined && { name }),
      ...(project !== undefined && { project }),
      ...(version !== undefined && { version }),
      ...(machineType !== undefined && { machineType }),
    }
    await sayNotebook(context, await client.notebook.fork({ notebook, body }))
  },
})

const { machineType: _, ...laterFlags } = specFlags

const update = defineCommand({
  name: 'update',
  about: 'Rename a notebook, or change what holds from its next start',
  args: { notebook: whichNotebook },
  flags: {
    name: flag.text('name', 'its new name'),
    tag: flag.texts('tag', 'its tags from now on'),
    noTags: flag.on('take all its tags away'),
    ...laterFlags,
    noTimeLimit: flag.on('no time limit from now on'),
    noPackages: flag.on('declare no packages from now on'),
  },
  examples: [
    { line: 'notebook update digits --idle-limit 8h', about: 'holds at once' },
    { line: 'notebook update digits --name numbers --tag demo', about: 'name and tags' },
  ],
  async run(context, { notebook }, flags) {
    const client = await context.client()
    const tags = flags.noTags ? [] : flags.tag
    const body = {
      ...(await readSpec(context, { ...flags, machineType: undefined })),
      ...(flags.noTimeLimit && { timeLimitSeconds: null }),
      ...(flags.noPackages && { packages: [] }),
      ...(flags.name !== undefined && { name: flags.name }),
      ...((flags.noTags || tags.length > 0) && { tags }),
    }
    const found = await client.notebook.update({ notebook, body })
    await answer(context, found, `Updated ${found.name}`)
  },
})

const extend = defineCommand({
  name: 'extend',
  about: 'Let a notebook run on for a while, though nobody uses it',
  args: { notebook: whichNotebook },
  flags: { for: flag.duration('for so long from now', { fallback: '1h' }) },
  examples: [{ line: 'notebook extend digits --for 8h', about: 'until tomorrow' }],
  async run(context, { notebook }, flags) {
    const client = await context.client()
    const body = flags.for === undefined ? {} : { seconds: flags.for }
    const found = await client.notebook.extend({ notebook, body })
    await answer(context, found, `${found.name} runs on until ${found.extendedUntil ?? 'it is stopped'}`)
  },
})

const packages = defineCommand({
  name: 'packages',
  about: 'Show the Python packages that were installed in a notebook',
  args: { notebook: whichNotebook },
  flags: { all: flag.on('also those that only came with others') },
  examples: [{ line: 'notebook packages digits', about: 'those that somebody asked for' }],
  async run(context, { notebook }, { all }) {
    const client = await context.client()
    const { items } = await client.notebook.packages({ notebook })
    await printList(
      context,
      items.filter(({ requested }) => all || requested),
      {
        empty: 'Nothing was installed. `pip install` in a cell or a terminal of it is kept.',
        columns: [
          { title: 'PACKAGE', rank: 0, value: ({ name }) => name },
          { title: 'VERSION', rank: 0, value: ({ version }) => version },
          { title: 'FROM', rank: 1, shrinkTo: 12, value: ({ source }) => source ?? 'the package index' },
        ],
      },
    )
  },
})

const rebuild = defineCommand({
  name: 'rebuild',
  about: 'Have the environment of a notebook made anew at its next start',
  details: '\nThe packages that were asked for are installed again, in the versions that were there.',
  args: { notebook: whichNotebook },
  examples: [{ line: 'notebook rebuild digits', about: 'when an installation broke it' }],
  async run(context, { notebook }) {
    const client = await context.client()
    const found = await client.notebook.rebuild({ notebook })
    await answer(context, found, `Start it with: nabla notebook start ${quoteWord(found.name)}`)
  },
})

const share = defineCommand({
  name: 'share',
  about: 'Show the last saved version of a notebook to anyone who has the link',
  args: { notebook: whichNotebook },
  flags: { off: flag.on('end it; the link leads nowhere from then on') },
  examples: [
    { line: 'notebook share digits', about: 'prints the link' },
    { line: 'notebook share digits --off', about: 'end it' },
  ],
  async run(context, { notebook }, { off }) {
    const client = await context.client()
    const answered = off ? await client.notebook.unshare({ notebook }) : await client.notebook.share({ notebook })
    const { url } = await context.target()
    if (context.out.json) await context.out.value(answered)
    else if (answered.share === null) context.out.note(`${notebook} is shared no longer.`)
    else await context.out.line(`${url.replace(/\/$/, '')}/shared/${answered.share}`)
  },
})

const remove = defineCommand({
  name: 'delete',
  about: 'Delete notebooks with their files, packages and versions',
  args: { notebook: arg.many('names or ids of the notebooks') },
  flags: { force: flag.on('also those that run: they are killed') },
  examples: [{ line: 'notebook delete digits', about: 'one that is stopped' }],
  async run(context, args, { force }) {
    const client = await context.client()
    for (const notebook of args.notebook) {
      const answered = await client.notebook.delete({ notebook, ...(force && { force: 'true' }) })
      if (context.out.json) await context.out.value({ notebook, ...answered })
      else context.out.note(`Deleted ${notebook}`)
    }
  },
})

export const notebook: Group = {
  name: 'notebook',
  about: 'Jupyter on this machine: files and packages stay, versions of each session',
  commands: [
    create,
    start,
    open,
    stop,
    list,
    show,
    logs,
    metrics,
    token,
    extend,
    versions,
    compare,
    files,
    get,
    fork,
    runFile,
    share,
    packages,
    rebuild,
    update,
    remove,
  ],
}

async function answer({ out }: Context, notebook: Notebook, note: string): Promise<void> {
  if (out.json) await out.value(notebook)
  else out.note(note)
}
