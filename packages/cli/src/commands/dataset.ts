import { resolve } from 'node:path'
import { type Dataset, datasetRoutes, type DatasetVersion } from '@nabla/api/dataset'
import { parseDatasetReference } from '@nabla/api/dataset-reference'
import { usageError } from '../cli-error.ts'
import { defineCommand, type Group } from '../command.ts'
import type { Context } from '../context.ts'
import { collect, eachFile, fileColumns } from '../files/file-list.ts'
import { arg, flag } from '../flags.ts'
import { callCommand, listCommand } from '../from-contract.ts'
import { printList } from '../print-list.ts'
import { formatAgo, formatBytes, formatTime, plural } from '../terminal/format.ts'
import { compare } from './dataset-compare.ts'
import { askToGoOn } from '../terminal/prompts.ts'

const whichVersion = arg.required('name of the dataset, or name:version', 'dataset')

const list = listCommand<Dataset>('dataset', datasetRoutes, {
  about: 'Show the datasets of the team, newest first',
  columns: ({ io }) => [
    { title: 'NAME', rank: 0, shrinkTo: 12, value: (item) => item.name },
    { title: 'LATEST', rank: 1, align: 'right', value: ({ latest }) => (latest ? String(latest.version) : '–') },
    { title: 'FILES', rank: 3, align: 'right', value: ({ latest }) => (latest?.files ?? 0).toLocaleString('en-US') },
    { title: 'SIZE', rank: 2, align: 'right', value: ({ latest }) => formatBytes(latest?.sizeBytes ?? 0) },
    { title: 'DATASET TAGS', rank: 5, shrinkTo: 12, value: (item) => item.tags.join(', ') },
    { title: 'CHANGED', rank: 4, value: (item) => formatAgo(item.latest?.createdAt ?? item.createdAt, io.now()) },
  ],
  empty: 'No datasets. Make one of a folder: nabla dataset push NAME FOLDER',
  examples: [
    { line: 'dataset list', about: 'all of them' },
    { line: 'dataset list --tag images --json', about: 'those with a tag, for a script' },
  ],
})

const create = callCommand<Dataset>('dataset', datasetRoutes, 'create', {
  name: 'create',
  about: 'Make a dataset without versions',
  details: '\nPushing or importing makes one by itself, if there is none of that name.',
  examples: [{ line: 'dataset create faces --description "Cropped to 128 pixels" --tag images', about: 'with words' }],
  print: async ({ out }, { name }) => out.note(`Made dataset ${name}. Fill it: nabla dataset push ${name} FOLDER`),
})

const show = defineCommand({
  name: 'show',
  about: 'Show a dataset, or one version of it',
  args: { dataset: whichVersion },
  examples: [
    { line: 'dataset show faces', about: 'with its latest version' },
    { line: 'dataset show faces:3', about: 'one version' },
  ],
  async run(context, args) {
    const { out } = context
    const client = await context.client()
    const { dataset, version } = parseDatasetReference(args.dataset)
    const found = args.dataset.includes(':')
      ? await client.dataset.version({ dataset, version })
      : await client.dataset.show({ dataset })
    if (out.json) await out.value(found)
    else if ('state' in found) await out.fields([['dataset', out.style('bold', dataset)], ...fieldsOf(found)])
    else {
      await out.fields([
        ['name', out.style('bold', found.name)],
        ['id', found.id],
        ['description', found.description || '–'],
        ['dataset tags', found.tags.join(', ') || '–'],
        ['versions', String(found.versions)],
        ['created', formatTime(found.createdAt)],
        ...(found.latest ? fieldsOf(found.latest) : []),
      ])
    }
  },
})

const update = callCommand<Dataset>('dataset', datasetRoutes, 'update', {
  name: 'update',
  about: 'Rename a dataset, or replace its description or tags',
  completes: 'dataset',
  examples: [{ line: 'dataset update faces --name people --tag images', about: 'jobs that read it go on reading it' }],
  print: async ({ out }, { name }) => out.note(`Updated dataset ${name}`),
})

const remove = defineCommand({
  name: 'delete',
  about: 'Delete a dataset with all its versions, or one version',
  details: '\nRefused while a job that has not ended reads it. A version that is being prepared is given up.',
  args: { dataset: whichVersion },
  flags: { yes: flag.on('do not ask', { short: 'y' }) },
  examples: [
    { line: 'dataset delete faces:2', about: 'one version' },
    { line: 'dataset delete faces --yes', about: 'all of it, in a script' },
  ],
  async run(context, args, { yes }) {
    const { out } = context
    const client = await context.client()
    const { dataset, version } = parseDatasetReference(args.dataset)
    const isWhole = !args.dataset.includes(':')
    if (isWhole && !yes) {
      const { versions } = await client.dataset.show({ dataset })
      await askToGoOn(context, `Delete the dataset ${dataset} with ${plural(versions, 'version')}?`)
    }
    const answer = isWhole
      ? await client.dataset.delete({ dataset })
      : await client.dataset.deleteVersion({ dataset, version })
    if (out.json) await out.value(answer)
    else out.note(`Deleted ${args.dataset}`)
  },
})

const push = defineCommand({
  name: 'push',
  about: 'Make a version of a folder or file that is here',
  details: `
Sends only what the server does not have. All of the folder goes, also what
.gitignore names. A folder that is the latest version already makes no other.
--onto adds to a version: what is new wins, and what is only in that stays.`,
  args: { dataset: arg.required('name of the dataset', 'dataset'), path: arg.required('folder or file', 'file') },
  flags: {
    message: flag.text('text', 'what is new in it', { short: 'm' }),
    tag: flag.texts('tag', 'tag to move to it, such as prod'),
    onto: flag.text('version', 'number or tag of a version that it adds to'),
  },
  examples: [
    { line: 'dataset push faces ./faces -m "Without duplicates"', about: 'a folder' },
    { line: 'dataset push faces more-faces --onto latest --tag prod', about: 'add files, and tag the result' },
  ],
  async run(context, { dataset, path }, { message, tag, onto }) {
    const { pushVersion } = await import('../files/dataset-version.ts')
    const { version, isSame } = await pushVersion(context, { name: dataset, path, message, tags: tag, onto })
    if (context.out.json) await context.out.value({ ...version, isSame })
  },
})

const importIt = defineCommand({
  name: 'import',
  about: 'Make a version of an address, of storage, or of what a job left',
  details: `
The server fetches it; jobs that name the version wait until it is there.
From an address: http, https, or s3, where one that ends in / means all below it.
Archives (.zip, .tar, .tar.gz, .tar.zst) are unpacked. With --sha256 or --etag
anything else than that is refused.`,
  args: {
    dataset: arg.required('name of the dataset', 'dataset'),
    source: arg.required('https://…, s3://BUCKET/KEY, storage:PATH or job:NAME/PATH'),
  },
  flags: {
    message: flag.text('text', 'what is new in it', { short: 'm' }),
    tag: flag.texts('tag', 'tag to move to it once it is there'),
    onto: flag.text('version', 'number or tag of a version that it adds to'),
    sha256: flag.text('hex', 'SHA-256 that the file must have, as it is fetched'),
    etag: flag.text('etag', 'ETag that the object must have'),
    noExpand: flag.on('keep an archive as it is'),
    username: flag.text('name', 'user name, or access key of S3; or secret:NAME'),
    password: flag.text('password', 'password, or secret key of S3; or secret:NAME'),
    endpoint: flag.text('address', 'of an S3 other than that of AWS'),
    region: flag.text('region', 'of the bucket', { fallback: 'us-east-1' }),
    noWait: flag.on('do not wait until it is there'),
  },
  examples: [
    { line: 'dataset import mnist https://example.com/mnist.tar.gz --sha256 9f86d08…', about: 'a file that is known' },
    { line: 'dataset import faces s3://bucket/faces/ --username AKIA… --password secret:S3_KEY', about: 'a bucket' },
    { line: 'dataset import features job:extract-7/features --tag prod', about: 'what a job made' },
  ],
  async run(context, { dataset, source }, { message, tag, onto, noWait, ...fetching }) {
    const { importVersion } = await import('../files/dataset-version.ts')
    const more = { ...(message !== undefined && { message }), ...(onto !== undefined && { base: onto }) }
    const body = { source: sourceOf(source, fetching), tags: tag, ...more }
    const version = await importVersion(context, dataset, body, !noWait)
    if (context.out.json) await context.out.value(version)
  },
})

const versions = listCommand<DatasetVersion>(
  'dataset',
  datasetRoutes,
  {
    about: 'Show the versions of a dataset, newest first',
    columns: ({ io, out }) => [
      { title: 'VERSION', rank: 0, align: 'right', value: ({ version }) => String(version) },
      { title: 'STATE', rank: 1, value: ({ state }) => out.style(state === 'failed' ? 'red' : 'dim', state) },
      { title: 'TAGS', rank: 2, shrinkTo: 10, value: ({ tags }) => tags.join(', ') },
      { title: 'FILES', rank: 5, align: 'right', value: ({ files }) => files.toLocaleString('en-US') },
      { title: 'SIZE', rank: 4, align: 'right', value: ({ sizeBytes }) => formatBytes(sizeBytes) },
      { title: 'CREATED', rank: 3, value: ({ createdAt }) => formatAgo(createdAt, io.now()) },
      { title: 'MESSAGE', rank: 6, shrinkTo: 12, value: ({ message, reason }) => reason ?? message },
    ],
    empty: 'No versions. Make one: nabla dataset push NAME FOLDER',
    examples: [{ line: 'dataset versions faces', about: 'with their tags' }],
  },
  'versions',
)

const tag = defineCommand({
  name: 'tag',
  about: 'Give a tag to a version, and take it from the one that had it',
  args: {
    dataset: arg.required('name of the dataset, or name:version', 'dataset'),
    tag: arg.required('a word such as prod'),
  },
  examples: [
    { line: 'dataset tag faces:3 prod', about: 'jobs with --dataset faces:prod read version 3 from now on' },
    { line: 'dataset tag faces good', about: 'the latest version' },
  ],
  async run({ client: connect, out }, args) {
    const client = await connect()
    const { dataset, version } = parseDatasetReference(args.dataset)
    const tagged = await client.dataset.tag({ dataset, tag: args.tag, body: { version } })
    if (out.json) await out.value(tagged)
    else out.note(`${dataset}:${args.tag} is version ${tagged.version}`)
  },
})

const untag = callCommand('dataset', datasetRoutes, 'untag', {
  name: 'untag',
  about: 'Take a tag away',
  completes: 'dataset',
  examples: [{ line: 'dataset untag faces prod', about: 'no version has it any more' }],
  print: async ({ out }, _, input) =>
    out.note(`${String(input['dataset'])} has no tag ${String(input['tag'])} any more`),
})

const files = defineCommand({
  name: 'files',
  about: 'Show the files of a version',
  args: { dataset: whichVersion, path: arg.optional('a folder of it (default: the top)') },
  flags: {
    recursive: flag.on('everything below it too', { short: 'r' }),
    glob: flag.text('pattern', 'only files that match, such as `train/*.png`'),
  },
  examples: [
    { line: 'dataset files faces', about: 'what is at the top of the latest version' },
    { line: "dataset files faces:prod --glob '**/*.png'", about: 'what matches' },
  ],
  async run(context, args, { recursive, glob }) {
    const client = await context.client()
    const where = { ...parseDatasetReference(args.dataset), path: args.path ?? '', recursive: String(recursive) }
    const asked = { ...where, ...(glob !== undefined && { glob }) }
    const items = await collect(eachFile((page) => client.dataset.files({ ...asked, ...page })))
    await printList(context, items, { columns: fileColumns, empty: 'There are no files.' })
  },
})

const get = defineCommand({
  name: 'get',
  about: 'Download a version, or some of its files',
  args: { dataset: whichVersion, path: arg.optional('a file, folder or pattern in it (default: all)') },
  flags: { to: flag.text('path', 'where to put it; - prints a file', { fallback: 'here', completes: 'file' }) },
  examples: [
    { line: 'dataset get faces:3 --to faces', about: 'all of version 3' },
    { line: 'dataset get faces labels.csv --to -', about: 'print a file' },
  ],
  async run(context, { dataset: reference, path = '' }, { to }) {
    const { out } = context
    const client = await context.client()
    if (to === '-') {
      const { body } = await client.dataset.get({ ...parseDatasetReference(reference), path })
      for await (const chunk of body ?? []) await out.write(chunk)
      return
    }
    const sum = await fetchInto(context, reference, path, resolve(context.cwd, to ?? '.'))
    if (out.json) await out.value(sum)
    else out.note(`Saved ${plural(sum.files, 'file')} (${formatBytes(sum.sizeBytes)}) in ${sum.path}`)
  },
})

export const dataset: Group = {
  name: 'dataset',
  about: 'Data in versions that never change, read by jobs in /data',
  commands: [list, show, create, update, remove, push, importIt, versions, compare, tag, untag, files, get],
}

function fieldsOf(version: DatasetVersion): [string, string][] {
  const { state, reason, tags, message, digest } = version
  return [
    ['version', String(version.version)],
    ['state', state],
    ...(reason === null ? [] : ([['reason', reason]] satisfies [string, string][])),
    ['version tags', tags.join(', ') || '–'],
    ['message', message || '–'],
    ['source', version.source],
    ['size', `${plural(version.files, 'file')}, ${formatBytes(version.sizeBytes)}`],
    ['digest', digest ?? '–'],
    ['made', `${formatTime(version.createdAt)} by ${version.createdBy.name}`],
  ]
}

type Fetching = Record<'sha256' | 'etag' | 'username' | 'password' | 'endpoint' | 'region', string | undefined>

function sourceOf(text: string, { noExpand, ...fetching }: Fetching & { noExpand: boolean }) {
  const [, kind, rest = ''] = /^(storage|job):(.*)$/s.exec(text) ?? []
  const given = Object.entries(fetching).filter(([, value]) => value !== undefined)
  if (kind === undefined) {
    return { from: 'url' as const, url: text, ...Object.fromEntries(given), ...(noExpand && { expand: false }) }
  }
  if (given.length > 0 || noExpand) {
    throw usageError('Logins, digests and --no-expand are for addresses.', 'Leave them out for storage: and job:.')
  }
  const path = rest.replace(/^\/+|\/+$/g, '')
  if (kind === 'storage') return { from: 'storage' as const, path }
  const [job = '', ...parts] = path.split('/')
  return { from: 'job' as const, job, path: parts.join('/') }
}

async function fetchInto(context: Context, reference: string, path: string, target: string) {
  const [{ download, planDownload }, { datasetPlace }, { selectRemote }] = await Promise.all([
    import('../files/copy.ts'),
    import('../files/places.ts'),
    import('../files/select.ts'),
  ])
  const place = datasetPlace(await context.client(), reference)
  const { items } = await selectRemote({ place, path, isFolder: false }, { recursive: true, contents: false })
  const transfer = { context, checksum: false }
  await download(transfer, place, await planDownload(transfer, place, items, target), target)
  const sizeBytes = items.reduce((sum, item) => sum + item.sizeBytes, 0)
  return { path: target, files: items.filter(({ isLink }) => !isLink).length, sizeBytes }
}
