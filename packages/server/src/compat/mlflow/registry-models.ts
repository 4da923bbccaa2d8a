import { modelName } from '@nabla/api/model'
import { z } from 'zod'
import type { ModelRow } from '../../db/model-tables.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { modelHandlers } from '../../kinds/model.ts'
import type { Caller, Request } from '../../kinds/kind.ts'
import { findModel, findModelVersion } from '../../kinds/model/find.ts'
import { AppError } from '../../lib/app-error.ts'
import { type CompatRequest, compatRoute } from '../site.ts'
import { key, offsetOf, pageToken, tagList, tagValue } from './fields.ts'
import { parseRegistryFilter, presentModels, presentVersions } from './registry-fields.ts'

const name = z.string().min(1).max(250)
const alias = z.string().min(1).max(250)
const description = z.string().max(20_000)
const base = '/mlflow/registered-models'

const search = z.object({
  filter: z.string().max(6000).default(''),
  max_results: z.coerce.number().int().min(1).max(1000).default(100),
  page_token: pageToken,
})

/** Registered models of MLflow: our models, with tags that have values. */
export const registeredModelRoutes = [
  compatRoute(
    'POST',
    `${base}/create`,
    z.object({ name, tags: tagList, description: description.default('') }),
    create,
  ),
  compatRoute('GET', `${base}/get`, z.object({ name }), ({ caller, input }, deps) => shown(deps, caller, input.name)),
  compatRoute('POST', `${base}/rename`, z.object({ name, new_name: name }), ({ caller, input }, deps) =>
    update(deps, caller, input.name, { name: input.new_name }),
  ),
  compatRoute('PATCH', `${base}/update`, z.object({ name, description }), ({ caller, input }, deps) =>
    update(deps, caller, input.name, { notes: input.description }),
  ),
  compatRoute('DELETE', `${base}/delete`, z.object({ name }), async ({ caller, input }, deps) => {
    // The client of MLflow expects aliases to go with the model.
    const { id } = await findModel(deps.db, caller.teamId, input.name)
    await change(deps, (trx) => trx.deleteFrom('modelAliases').where('modelId', '=', id).execute())
    await modelHandlers.delete(asRequest(caller, { params: { model: id } }), deps)
    return {}
  }),
  compatRoute('GET', `${base}/search`, search, searchModels),
  compatRoute('POST', `${base}/search`, search, searchModels),
  ...(['GET', 'POST'] as const).map((method) =>
    compatRoute(method, `${base}/get-latest-versions`, z.object({ name }), async ({ caller, input }, deps) => {
      const model = await findModel(deps.db, caller.teamId, input.name)
      const version = await findModelVersion(deps.db, model, 'latest').catch(() => undefined)
      return { model_versions: version ? await presentVersions(deps.db, caller, [version]) : [] }
    }),
  ),
  compatRoute('POST', `${base}/set-tag`, z.object({ name, key, value: tagValue }), async ({ caller, input }, deps) => {
    const { id } = await findModel(deps.db, caller.teamId, input.name)
    await setTag(deps, id, input)
    return {}
  }),
  compatRoute('DELETE', `${base}/delete-tag`, z.object({ name, key }), async ({ caller, input }, deps) => {
    const { id } = await findModel(deps.db, caller.teamId, input.name)
    await deleteTag(deps, id, input.key)
    return {}
  }),
  compatRoute(
    'POST',
    `${base}/alias`,
    z.object({ name, alias, version: z.coerce.string() }),
    async ({ caller, input }, deps) => {
      const params = { model: input.name, alias: input.alias }
      await modelHandlers.setAlias(asRequest(caller, { params, body: { version: input.version } }), deps)
      return {}
    },
  ),
  compatRoute('GET', `${base}/alias`, z.object({ name, alias }), async ({ caller, input }, deps) => {
    const model = await findModel(deps.db, caller.teamId, input.name)
    const [version] = await presentVersions(deps.db, caller, [await findModelVersion(deps.db, model, input.alias)])
    return { model_version: version }
  }),
  compatRoute('DELETE', `${base}/alias`, z.object({ name, alias }), async ({ caller, input }, deps) => {
    await modelHandlers.deleteAlias(asRequest(caller, { params: { model: input.name, alias: input.alias } }), deps)
    return {}
  }),
]

/** A request of ours in the name of a client of MLflow: only what the handler reads. */
export const asRequest = (caller: Caller, given: object): never =>
  ({ caller, query: {}, body: {}, ...given }) as Partial<Request<never>> as never

/** Sets a word with a value of a model or a version. */
export async function setTag(deps: Deps, subjectId: string, tag: { key: string; value: string }): Promise<void> {
  const { key: word, value } = tag
  await deps.db
    .insertInto('modelAttributes')
    .values({ subjectId, name: word, value })
    .onConflict((c) => c.columns(['subjectId', 'name']).doUpdateSet({ value }))
    .execute()
}

export async function deleteTag(deps: Deps, subjectId: string, word: string): Promise<void> {
  await deps.db.deleteFrom('modelAttributes').where('subjectId', '=', subjectId).where('name', '=', word).execute()
}

async function shown(deps: Deps, caller: Caller, reference: string) {
  const [model] = await presentModels(deps.db, caller, [await findModel(deps.db, caller.teamId, reference)])
  return { registered_model: model }
}

async function create(
  { caller, input }: CompatRequest<{ name: string; tags: { key: string; value: string }[]; description: string }>,
  deps: Deps,
) {
  // What the contract asks of a name is asked of it here too.
  const { id } = await modelHandlers.create(
    asRequest(caller, { body: { name: checkedName(input.name), notes: input.description, tags: [] } }),
    deps,
  )
  for (const tag of input.tags) await setTag(deps, id, tag)
  return shown(deps, caller, id)
}

async function update(deps: Deps, caller: Caller, reference: string, changes: { name?: string; notes?: string }) {
  if (changes.name !== undefined) checkedName(changes.name)
  const { id } = await modelHandlers.update(asRequest(caller, { params: { model: reference }, body: changes }), deps)
  return shown(deps, caller, id)
}

async function searchModels({ caller, input }: CompatRequest<z.output<typeof search>>, deps: Deps) {
  const offset = offsetOf(input.page_token)
  let rows = deps.db.selectFrom('models').selectAll().where('teamId', '=', caller.teamId)
  for (const { of, operator, value } of parseRegistryFilter(input.filter)) {
    if (of === 'name') rows = rows.where('name', operator === 'ilike' ? 'like' : operator, value)
    else {
      // What has no such tag has not that value either.
      const equal = operator === '!=' ? '=' : operator === 'ilike' ? 'like' : operator
      rows = rows.where(({ exists, not, selectFrom }) => {
        const tagged = exists(
          selectFrom('modelAttributes')
            .select('modelAttributes.value')
            .whereRef('modelAttributes.subjectId', '=', 'models.id')
            .where('modelAttributes.name', '=', of.slice('tag:'.length))
            .where('modelAttributes.value', equal, value),
        )
        return operator === '!=' ? not(tagged) : tagged
      })
    }
  }
  const found: ModelRow[] = await rows
    .orderBy('name')
    .offset(offset)
    .limit(input.max_results + 1)
    .execute()
  const more = found.length > input.max_results
  return {
    registered_models: await presentModels(deps.db, caller, found.slice(0, input.max_results)),
    ...(more ? { next_page_token: String(offset + input.max_results) } : {}),
  }
}

function checkedName(text: string): string {
  const parsed = modelName.safeParse(text)
  if (parsed.success) return parsed.data
  const reason = parsed.error.issues[0]?.message ?? ''
  throw new AppError('invalid', { detail: `The model ${JSON.stringify(text)} cannot be made: ${reason}.` })
}
