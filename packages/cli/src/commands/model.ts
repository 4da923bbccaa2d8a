import { resolve } from 'node:path'
import { type Model, modelRoutes, type ModelVersion, parseModelReference } from '@nabla/api/model'
import type { Interpretation } from '@nabla/api/model-format'
import { defineCommand, type Group } from '../command.ts'
import type { Context } from '../context.ts'
import { collect, eachFile, fileColumns } from '../files/file-list.ts'
import { arg, flag } from '../flags.ts'
import { callCommand, listCommand } from '../from-contract.ts'
import { printList } from '../print-list.ts'
import { formatAgo, formatBytes, formatTime, plural } from '../terminal/format.ts'
import { askToGoOn } from '../terminal/prompts.ts'
import { compare } from './model-compare.ts'
import { trustCommands } from './model-trust.ts'

const whichVersion = arg.required('name, name:3, name@alias or an id', 'model')

const list = listCommand<Model>('model', modelRoutes, {
  about: 'Show the models of the team, newest first',
  columns: ({ io }) => [
    { title: 'NAME', rank: 0, shrinkTo: 12, value: (item) => item.name },
    { title: 'LATEST', rank: 1, align: 'right', value: ({ latest }) => (latest ? String(latest.version) : '–') },
    { title: 'FORMAT', rank: 2, value: ({ latest }) => latest?.format ?? '–' },
    { title: 'ALIASES', rank: 3, shrinkTo: 12, value: ({ aliases }) => aliasesOf(aliases) },
    { title: 'SIZE', rank: 4, align: 'right', value: ({ latest }) => formatBytes(latest?.sizeBytes ?? 0) },
    { title: 'PROJECT', rank: 6, shrinkTo: 10, value: ({ project }) => project?.name ?? '' },
    { title: 'CHANGED', rank: 5, value: (item) => formatAgo(item.latest?.createdAt ?? item.createdAt, io.now()) },
  ],
  empty: 'No models. Make one of a file or folder: nabla model upload NAME PATH',
  examples: [
    { line: 'model list', about: 'all of them' },
    { line: 'model list --project digits --json', about: 'those of a project, for a script' },
  ],
})

const create = callCommand<Model>('model', modelRoutes, 'create', {
  name: 'create',
  about: 'Make a model without versions',
  details: '\nUploading, and jobs with --model-name, make one by themselves.',
  examples: [{ line: 'model create digits --notes "Reads digits" --tag vision', about: 'with words' }],
  print: async ({ out }, { name }) => out.note(`Made model ${name}. Add to it: nabla model upload ${name} PATH`),
})

const show = defineCommand({
  name: 'show',
  about: 'Show what a version is: format, inputs, outputs, weights, and what made it',
  args: { model: whichVersion },
  flags: { layers: flag.on('all tensors and layers too') },
  examples: [
    { line: 'model show digits', about: 'the latest version' },
    { line: 'model show digits@champion --layers', about: 'one version, with its weights' },
  ],
  async run(context, args, { layers }) {
    const { out } = context
    const client = await context.client()
    const version = await client.model.resolve({ reference: args.model })
    const which = { model: version.model.id, version: String(version.version) }
    const read = version.state === 'ready' ? await client.model.interpretation(which) : null
    const { items: uses } = await client.model.uses(which)
    if (out.json) return out.value({ ...version, interpretation: read, uses })
    const used = uses.map(({ kind, name, state }) => `${kind} ${name} (${state})`).join('\n')
    const fields = [...fieldsOf(version), ['used by', used || '–'] as const, ...readFields(read)]
    await out.fields([['model', out.style('bold', version.model.name)], ...fields])
    for (const warning of read?.warnings ?? []) out.warn(warning)
    if (!layers || !read) return
    await out.line('')
    await out.table(read.layers, [
      { title: 'LAYER', rank: 0, shrinkTo: 20, value: (layer) => layer.name },
      { title: 'TYPE', rank: 1, value: (layer) => layer.type },
      { title: 'SHAPE', rank: 2, value: (layer) => layer.shape?.join(' × ') ?? '–' },
      {
        title: 'PARAMETERS',
        rank: 3,
        align: 'right',
        value: (layer) => layer.parameters?.toLocaleString('en-US') ?? '–',
      },
      { title: 'SIZE', rank: 4, align: 'right', value: (layer) => formatBytes(layer.sizeBytes ?? 0) },
    ])
  },
})

const update = callCommand<Model>('model', modelRoutes, 'update', {
  name: 'update',
  about: 'Rename a model, or replace its notes or tags',
  completes: 'model',
  examples: [{ line: 'model update digits --name numbers --tag vision', about: 'its versions stay' }],
  print: async ({ out }, { name }) => out.note(`Updated model ${name}`),
})

const note = defineCommand({
  name: 'note',
  about: 'Replace the notes of a version',
  args: { model: whichVersion, notes: arg.required('the notes, as Markdown') },
  examples: [{ line: 'model note digits:3 "Trained on the new scans"', about: 'one version' }],
  async run(context, args) {
    const client = await context.client()
    const { model, version } = await client.model.resolve({ reference: args.model })
    const which = { model: model.id, version: String(version) }
    const updated = await client.model.updateVersion({ ...which, body: { notes: args.notes } })
    if (context.out.json) await context.out.value(updated)
    else context.out.note(`Updated ${updated.reference}`)
  },
})

const remove = defineCommand({
  name: 'delete',
  about: 'Delete a model with all its versions, or one version',
  details: '\nRefused while a version has an alias, or is in use by a job or a deployment.',
  args: { model: whichVersion },
  flags: { yes: flag.on('do not ask', { short: 'y' }) },
  examples: [
    { line: 'model delete digits:2', about: 'one version' },
    { line: 'model delete digits --yes', about: 'all of it, in a script' },
  ],
  async run(context, args, { yes }) {
    const { out } = context
    const client = await context.client()
    const { model, version } = parseModelReference(args.model)
    const isWhole = !/[:@]/.test(args.model) && !args.model.startsWith('mv')
    if (isWhole && !yes) {
      const { versions } = await client.model.show({ model })
      await askToGoOn(context, `Delete the model ${model} with ${plural(versions, 'version')}?`)
    }
    const which = isWhole ? { model, version } : await numberOf(context, args.model)
    const answer = isWhole ? await client.model.delete({ model }) : await client.model.deleteVersion(which)
    if (out.json) await out.value(answer)
    else out.note(`Deleted ${args.model}`)
  },
})

const upload = defineCommand({
  name: 'upload',
  about: 'Make a version of a file or folder that is here',
  details: `
Sends only what the server does not have, and says what it was found to be: the
server reads headers, and never runs or unpickles anything. Of what a job left,
use --job: the path is then one in its artifacts.`,
  args: { model: arg.required('name of the model', 'model'), path: arg.required('file or folder', 'file') },
  flags: {
    type: flag.text('type', 'what it is said to be, such as ONNX or Tensorflow'),
    notes: flag.text('text', 'what is new in it', { short: 'm' }),
    alias: flag.texts('alias', 'alias to move to it, such as champion'),
    project: flag.text('project', 'of a model that this makes', { completes: 'project' }),
    job: flag.text('job', 'take it from the artifacts of this job', { completes: 'job' }),
  },
  examples: [
    { line: 'model upload digits model.onnx --alias champion', about: 'a file' },
    { line: 'model upload digits export/ -m "Wider layers"', about: 'a folder' },
    { line: 'model upload digits out/model.pt --job train-7', about: 'what a job left' },
  ],
  async run(context, { model, path }, { job, alias: aliases, ...flags }) {
    const { sayVersion, untilRead, uploadModel } = await import('../files/model-version.ts')
    if (job === undefined) {
      const version = await uploadModel(context, { name: model, path, aliases, ...flags })
      if (context.out.json) await context.out.value(version)
      return
    }
    const client = await context.client()
    const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))
    const source = { from: 'job' as const, job, path: path.replace(/^\.\/?/, '').replaceAll(/^\/+|\/+$/g, '') }
    const version = await untilRead(context, await client.model.commit({ model, body: { source, aliases, ...given } }))
    if (context.out.json) await context.out.value(version)
    else sayVersion(context, version)
  },
})

const versions = listCommand<ModelVersion>(
  'model',
  modelRoutes,
  {
    about: 'Show the versions of a model, newest first',
    columns: ({ io, out }) => [
      { title: 'VERSION', rank: 0, align: 'right', value: ({ version }) => String(version) },
      { title: 'STATE', rank: 1, value: ({ state }) => out.style(state === 'failed' ? 'red' : 'dim', state) },
      { title: 'ALIASES', rank: 2, shrinkTo: 10, value: ({ aliases }) => aliases.join(', ') },
      { title: 'FORMAT', rank: 3, value: ({ format }) => format ?? '–' },
      { title: 'SIZE', rank: 5, align: 'right', value: ({ sizeBytes }) => formatBytes(sizeBytes) },
      { title: 'SCAN', rank: 7, value: ({ verdict }) => verdict ?? '–' },
      { title: 'CREATED', rank: 4, value: ({ createdAt }) => formatAgo(createdAt, io.now()) },
      { title: 'SOURCE', rank: 6, shrinkTo: 12, value: ({ source, reason }) => reason ?? source },
    ],
    empty: 'No versions. Make one: nabla model upload NAME PATH',
    examples: [{ line: 'model versions digits', about: 'with their aliases' }],
  },
  'versions',
)

const alias = defineCommand({
  name: 'alias',
  about: 'Give an alias to a version, and take it from the one that had it',
  args: { model: whichVersion, alias: arg.required('a word such as champion') },
  examples: [{ line: 'model alias digits:3 champion', about: 'digits@champion is version 3 from now on' }],
  async run(context, args) {
    const { out } = context
    const client = await context.client()
    const { model, version } = await numberOf(context, args.model)
    const aliased = await client.model.setAlias({ model, alias: args.alias, body: { version } })
    if (out.json) await out.value(aliased)
    else out.note(`${aliased.model.name}@${args.alias} is version ${aliased.version}`)
  },
})

const unalias = callCommand('model', modelRoutes, 'deleteAlias', {
  name: 'unalias',
  about: 'Take an alias away',
  completes: 'model',
  examples: [{ line: 'model unalias digits champion', about: 'no version has it any more' }],
  print: async ({ out }, _, input) =>
    out.note(`${String(input['model'])} has no alias ${String(input['alias'])} any more`),
})

const files = defineCommand({
  name: 'files',
  about: 'Show the files of a version',
  args: { model: whichVersion, path: arg.optional('a folder of it (default: the top)') },
  flags: { recursive: flag.on('everything below it too', { short: 'r' }) },
  examples: [{ line: 'model files digits -r', about: 'all files of the latest version' }],
  async run(context, args, { recursive }) {
    const client = await context.client()
    const asked = { ...(await numberOf(context, args.model)), path: args.path ?? '', recursive: String(recursive) }
    const items = await collect(eachFile((page) => client.model.files({ ...asked, ...page })))
    await printList(context, items, { columns: fileColumns, empty: 'There are no files.' })
  },
})

const get = defineCommand({
  name: 'get',
  about: 'Download a version, or some of its files; each is checked as it arrives',
  args: { model: whichVersion, path: arg.optional('a file, folder or pattern in it (default: all)') },
  flags: { to: flag.text('path', 'where to put it; - prints a file', { fallback: 'here', completes: 'file' }) },
  examples: [
    { line: 'model get digits@champion --to digits', about: 'all of it' },
    { line: 'model get digits:3 MLmodel --to -', about: 'print a file' },
  ],
  async run(context, { model: reference, path = '' }, { to }) {
    const { out } = context
    const which = await numberOf(context, reference)
    if (to === '-') {
      const { body } = await (await context.client()).model.get({ ...which, path })
      for await (const chunk of body ?? []) await out.write(chunk)
      return
    }
    const sum = await fetchInto(context, which, path, resolve(context.cwd, to ?? '.'))
    if (out.json) await out.value(sum)
    else out.note(`Saved ${plural(sum.files, 'file')} (${formatBytes(sum.sizeBytes)}) in ${sum.path}`)
  },
})

export const model: Group = {
  name: 'model',
  about: 'Trained models in versions, with what made them',
  commands: [
    list,
    show,
    create,
    update,
    note,
    remove,
    upload,
    versions,
    alias,
    unalias,
    compare,
    files,
    get,
    ...trustCommands,
  ],
}

/** What a reference means, as other calls take it. */
async function numberOf(context: Context, reference: string): Promise<{ model: string; version: string }> {
  const { model, version } = await (await context.client()).model.resolve({ reference })
  return { model: model.id, version: String(version) }
}

const aliasesOf = (aliases: Record<string, number>): string =>
  Object.entries(aliases)
    .map(([name, version]) => `${name}:${version}`)
    .join(', ')

function fieldsOf(version: ModelVersion): [string, string][] {
  const { state, reason, aliases, lineage, signatures, digest } = version
  const datasets = lineage.datasets.map((one) => `${one.name}:${one.version}`).join(', ')
  const fields: [string, string | null][] = [
    ['version', String(version.version)],
    ['id', version.id],
    ['state', state],
    ['reason', reason],
    ['aliases', aliases.join(', ') || '–'],
    ['type', version.type],
    ['notes', version.notes || null],
    ['source', version.source],
    ['project', lineage.project?.name ?? null],
    ['code', lineage.commit ?? lineage.workspaceDigest],
    ['data', datasets || null],
    ['size', `${plural(version.files, 'file')}, ${formatBytes(version.sizeBytes)}`],
    ['digest', digest ?? '–'],
    [
      'signed by',
      signatures
        .filter(({ valid }) => valid)
        .map(({ key }) => key.name)
        .join(', ') || '–',
    ],
    ['made', `${formatTime(version.createdAt)} by ${version.createdBy.name}`],
  ]
  return fields.flatMap(([name, value]) => (value === null ? [] : [[name, value] satisfies [string, string]]))
}

function readFields(read: Interpretation | null): [string, string][] {
  if (!read) return []
  const tensors = (items: Interpretation['inputs']) =>
    items
      .slice(0, 20)
      .map(
        ({ name, type, shape }) => `${name}: ${type}${shape ? ` [${shape.map((one) => one ?? '?').join(', ')}]` : ''}`,
      )
      .join('\n')
  const bad = read.pickles.flatMap(({ imports }) =>
    imports.filter(({ verdict }) => verdict !== 'clean').map(({ name }) => name),
  )
  return [
    ['format', [read.format, read.producer].filter(Boolean).join(', ')],
    ...(read.inputs.length > 0 ? ([['inputs', tensors(read.inputs)]] satisfies [string, string][]) : []),
    ...(read.outputs.length > 0 ? ([['outputs', tensors(read.outputs)]] satisfies [string, string][]) : []),
    ...(read.parameters === null
      ? []
      : ([
          ['parameters', `${read.parameters.toLocaleString('en-US')} in ${plural(read.layerCount, 'tensor')}`],
        ] satisfies [string, string][])),
    ...read.metrics.slice(0, 20).map((metric): [string, string] => [metric.name, metricText(metric)]),
    ['scan', bad.length > 0 ? `${read.verdict}: ${[...new Set(bad)].slice(0, 10).join(', ')}` : read.verdict],
  ]
}

function metricText({ value, statistics }: Interpretation['metrics'][number]): string {
  if (!statistics) return String(value)
  const [min, mean, max] = [statistics.min, statistics.mean, statistics.max].map((one) => Number(one.toPrecision(6)))
  return `${value} (of ${statistics.count}: least ${min}, mean ${mean}, most ${max})`
}

async function fetchInto(context: Context, which: { model: string; version: string }, path: string, target: string) {
  const [{ download, planDownload }, { modelPlace }, { selectRemote }] = await Promise.all([
    import('../files/copy.ts'),
    import('../files/places.ts'),
    import('../files/select.ts'),
  ])
  const place = modelPlace(await context.client(), which)
  const { items } = await selectRemote({ place, path, isFolder: false }, { recursive: true, contents: false })
  const transfer = { context, checksum: false }
  await download(transfer, place, await planDownload(transfer, place, items, target), target)
  const sizeBytes = items.reduce((sum, item) => sum + item.sizeBytes, 0)
  return { path: target, files: items.filter(({ isLink }) => !isLink).length, sizeBytes }
}
