import { z } from 'zod'
import type { GradientStorageProviderRow } from '../../db/gradient-tables.ts'
import { isUniqueViolation } from '../../db/errors.ts'
import type { Deps } from '../../deps.ts'
import type { Caller } from '../../kinds/kind.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { checkUrl } from '../../volumes/fetch-url.ts'
import { anything, optional, textInside, window } from './fields.ts'
import { type Exchange, gradientRoute } from './route.ts'

/**
 * Where files of datasets are: on this server, which the clients take for a bucket, since they handle files of buckets
 * only.
 */
export const storageProvider = { id: 'splnabla', name: 'nabla', type: 's3', config: { bucket: 'nabla' } }

const config = z.object({
  bucket: optional,
  accessKey: optional,
  secretAccessKey: optional,
  endpoint: optional,
  region: optional,
  signatureVersion: optional,
})

/** Buckets that a team names: datasets at addresses are fetched from them with their keys. */
export const storageProviderRoutes = [
  ...gradientRoute('GET', '/storageProviders', anything, list),
  ...gradientRoute('GET', '/storageProviders/:id', z.unknown(), async ({ caller, deps, params }) =>
    params['id'] === storageProvider.id ? storageProvider : shown(await find(deps, caller, params['id']!)),
  ),
  ...gradientRoute('POST', '/storageProviders', z.object({ type: optional, name: optional, config }), create),
  ...gradientRoute('POST', '/storageProviders/:id', z.object({ name: optional, config: config.optional() }), update),
  ...gradientRoute('DELETE', '/storageProviders/:id', z.unknown(), async ({ caller, deps, params }) => {
    const { id } = await findOwn(deps, caller, params['id']!)
    await deps.db.deleteFrom('gradientStorageProviders').where('id', '=', id).execute()
    return {}
  }),
]

/** Throws AppError `not_found` for a storage provider that the team does not have. */
export async function checkStorageProvider({ caller, deps }: Exchange, id: string | undefined): Promise<void> {
  if (id !== undefined && id !== storageProvider.id) await find(deps, caller, id)
}

/** The keys to a bucket, if the team has given it a name. */
export async function loginFor({ caller, deps }: Exchange, bucket: string) {
  const rows = await providersOf(deps, caller)
  const row = rows.find((one) => one.bucket === bucket)
  return row && { ...placeOf(row), username: row.accessKey, password: deps.box.open(row.sealedSecretKey, row.id) }
}

async function list({ caller, deps, input }: Exchange<z.output<typeof anything>>) {
  const all = [storageProvider, ...(await providersOf(deps, caller)).map(shown)]
  const ordered = all.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const isBackwards = /\bDESC$/i.test(textInside(input, 'filter[order][]') ?? '')
  return window(input, isBackwards ? ordered.toReversed() : ordered)
}

interface Fields {
  name?: string | undefined
  config?: z.output<typeof config> | undefined
}

async function create({ caller, deps, input }: Exchange<Fields & { type?: string | undefined }>) {
  if (input.type !== undefined && input.type !== 's3') throw invalid('Storage providers are of the type s3.')
  const { bucket, accessKey, secretAccessKey } = input.config ?? {}
  const { name } = input
  if (name === undefined || bucket === undefined || accessKey === undefined || secretAccessKey === undefined) {
    throw invalid('A storage provider has a name, a bucket, an access key and a secret access key.')
  }
  const id = newId('storageProvider')
  const row: GradientStorageProviderRow = {
    id,
    teamId: caller.teamId,
    name: name.slice(0, 200),
    bucket,
    endpoint: null,
    region: null,
    accessKey,
    sealedSecretKey: deps.box.seal(secretAccessKey, id),
    createdAt: toIso(deps.clock.now()),
  }
  return store(deps, checked({ ...row, ...placeIn(input) }), 'insert')
}

async function update({ caller, deps, params, input }: Exchange<Fields>) {
  const row = await findOwn(deps, caller, params['id']!)
  const { bucket = row.bucket, accessKey = row.accessKey, secretAccessKey } = input.config ?? {}
  const sealedSecretKey = secretAccessKey === undefined ? row.sealedSecretKey : deps.box.seal(secretAccessKey, row.id)
  const changed = { ...row, name: input.name ?? row.name, bucket, accessKey, sealedSecretKey, ...placeIn(input) }
  return store(deps, checked(changed), 'update')
}

async function store({ db }: Pick<Deps, 'db'>, row: GradientStorageProviderRow, how: 'insert' | 'update') {
  try {
    const done =
      how === 'insert'
        ? db.insertInto('gradientStorageProviders').values(row)
        : db.updateTable('gradientStorageProviders').set(row).where('id', '=', row.id)
    await done.execute()
  } catch (error) {
    if (isUniqueViolation(error)) throw new AppError('name_taken', { noun: 'storage provider', name: row.name })
    throw error
  }
  return shown(row)
}

/** Refuses a bucket that could never be read from. */
function checked(row: GradientStorageProviderRow): GradientStorageProviderRow {
  if (!/^[\w.-]{1,255}$/.test(row.bucket)) throw invalid('The name of the bucket is not one of S3.')
  if (row.name === storageProvider.name) {
    throw new AppError('name_taken', { noun: 'storage provider', name: row.name })
  }
  checkUrl({ url: `s3://${row.bucket}/`, expand: false, ...placeOf(row) })
  return row
}

function placeIn({ config: given }: Fields): Partial<GradientStorageProviderRow> {
  if (given?.signatureVersion !== undefined && !/^(s3)?v4$/i.test(given.signatureVersion)) {
    throw invalid('Requests are signed by version 4 only: give --signatureVersion v4, or leave it out.')
  }
  const { endpoint, region } = given ?? {}
  return { ...(endpoint !== undefined && { endpoint }), ...(region !== undefined && { region }) }
}

const placeOf = ({ endpoint, region }: GradientStorageProviderRow) => ({
  ...(endpoint !== null && { endpoint }),
  ...(region !== null && { region }),
})

/** Keys are never told again. */
function shown(row: GradientStorageProviderRow) {
  const { id, name, bucket, accessKey } = row
  const own = { bucket, accessKey, secretAccessKey: '********', signatureVersion: 'v4', ...placeOf(row) }
  return { id, name, type: 's3', config: own }
}

const providersOf = ({ db }: Pick<Deps, 'db'>, { teamId }: Caller): Promise<GradientStorageProviderRow[]> =>
  db.selectFrom('gradientStorageProviders').selectAll().where('teamId', '=', teamId).orderBy('name').execute()

async function find(deps: Pick<Deps, 'db'>, caller: Caller, id: string): Promise<GradientStorageProviderRow> {
  const row = (await providersOf(deps, caller)).find((one) => one.id === id)
  if (!row) throw new AppError('not_found', { noun: 'storage provider', id })
  return row
}

/** Throws AppError `invalid` for the one that is the server itself. */
async function findOwn(deps: Pick<Deps, 'db'>, caller: Caller, id: string): Promise<GradientStorageProviderRow> {
  if (id === storageProvider.id) throw invalid(`${id} is this server itself: it stays as it is.`)
  return find(deps, caller, id)
}

const invalid = (detail: string): AppError => new AppError('invalid', { detail })
