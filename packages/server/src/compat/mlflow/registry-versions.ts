import { z } from 'zod'
import type { ModelVersionRow } from '../../db/model-tables.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import type { Caller } from '../../kinds/kind.ts'
import { modelHandlers } from '../../kinds/model.ts'
import { ensureModel, insertVersion } from '../../kinds/model/insert.ts'
import { assertReady, findModel, findModelVersion } from '../../kinds/model/find.ts'
import { modelLimits } from '../../lib/model-limits.ts'
import { type CompatRequest, compatRoute } from '../site.ts'
import { key, offsetOf, pageToken, tagList, tagValue } from './fields.ts'
import { parseRegistryFilter, presentVersions, stageAttribute, versionUri } from './registry-fields.ts'
import { asRequest, deleteTag, setTag } from './registry-models.ts'
import { findSource } from './registry-source.ts'

const name = z.string().min(1).max(250)
const version = z.coerce.string().regex(/^\d{1,9}$/, 'the number of a version')
const which = z.object({ name, version })
const base = '/mlflow/model-versions'

const create = z.object({
  name,
  source: z.string().min(1).max(4000),
  run_id: z.string().max(200).optional(),
  model_id: z.string().max(200).nullish(),
  tags: tagList,
  description: z.string().max(20_000).default(''),
})

const search = z.object({
  filter: z.string().max(6000).default(''),
  max_results: z.coerce.number().int().min(1).max(10_000).default(200),
  page_token: pageToken,
})

const stages = z.enum(['None', 'Staging', 'Production', 'Archived'])

/** Versions of registered models: our versions, read and scanned like all others. */
export const modelVersionRoutes = [
  compatRoute('POST', `${base}/create`, create, createVersion),
  compatRoute('GET', `${base}/get`, which, ({ caller, input }, deps) => shown(deps, caller, input)),
  compatRoute(
    'PATCH',
    `${base}/update`,
    which.extend({ description: z.string().max(20_000).default('') }),
    async ({ caller, input }, deps) => {
      const params = { model: input.name, version: input.version }
      await modelHandlers.updateVersion(asRequest(caller, { params, body: { notes: input.description } }), deps)
      return shown(deps, caller, input)
    },
  ),
  compatRoute('DELETE', `${base}/delete`, which, async ({ caller, input }, deps) => {
    await modelHandlers.deleteVersion(
      asRequest(caller, { params: { model: input.name, version: input.version } }),
      deps,
    )
    return {}
  }),
  compatRoute('GET', `${base}/search`, search, searchVersions),
  compatRoute('GET', `${base}/get-download-uri`, which, async ({ caller, input }, deps) => {
    const model = await findModel(deps.db, caller.teamId, input.name)
    return { artifact_uri: versionUri(assertReady(model, await findModelVersion(deps.db, model, input.version)).id) }
  }),
  compatRoute(
    'POST',
    `${base}/transition-stage`,
    which.extend({ stage: stages, archive_existing_versions: z.coerce.boolean().default(false) }),
    transition,
  ),
  compatRoute('POST', `${base}/set-tag`, which.extend({ key, value: tagValue }), async ({ caller, input }, deps) => {
    await setTag(deps, (await findOne(deps, caller, input)).id, input)
    return {}
  }),
  compatRoute('DELETE', `${base}/delete-tag`, which.extend({ key }), async ({ caller, input }, deps) => {
    await deleteTag(deps, (await findOne(deps, caller, input)).id, input.key)
    return {}
  }),
]

type Which = z.output<typeof which>

async function findOne(deps: Deps, caller: Caller, asked: Which): Promise<ModelVersionRow> {
  return findModelVersion(deps.db, await findModel(deps.db, caller.teamId, asked.name), asked.version)
}

async function shown(deps: Deps, caller: Caller, asked: Which) {
  const [found] = await presentVersions(deps.db, caller, [await findOne(deps, caller, asked)])
  return { model_version: found }
}

async function createVersion({ caller, input, signal }: CompatRequest<z.output<typeof create>>, deps: Deps) {
  const { source, run_id: runId, model_id: modelId } = input
  const asked = { source, runId: runId === '' ? undefined : runId, modelId: modelId ?? undefined }
  const found = await findSource(deps, caller, asked)
  const now = deps.clock.now()
  const row = await change(deps, async (trx) => {
    const model = await ensureModel(trx, caller, input.name, now, found.projectId)
    const { from, metrics } = found
    return insertVersion(trx, caller, model, { from, metrics, notes: input.description }, now)
  })
  for (const tag of input.tags) await setTag(deps, row.id, tag)
  const after = await deps.feed.latest()
  deps.loop.wake(row.id)
  await untilRead(deps, caller, row, { after, signal })
  return shown(deps, caller, { name: input.name, version: String(row.version) })
}

/** Clients look again after three seconds: most versions are read before that. */
async function untilRead(
  deps: Deps,
  caller: Caller,
  { id, modelId }: ModelVersionRow,
  { after, signal }: { after: number; signal: AbortSignal },
): Promise<void> {
  const timeout = new AbortController()
  const cancel = deps.clock.after(modelLimits.registerWaitMs, () => timeout.abort())
  const isRead = async () => {
    const row = await deps.db.selectFrom('modelVersions').select('state').where('id', '=', id).executeTakeFirst()
    return row?.state !== 'preparing'
  }
  try {
    if (await isRead()) return
    const either = AbortSignal.any([signal, timeout.signal])
    for await (const _ of deps.feed.follow(caller.teamId, { after, subject: modelId, signal: either })) {
      if (await isRead()) return
    }
  } finally {
    cancel()
  }
}

async function searchVersions({ caller, input }: CompatRequest<z.output<typeof search>>, deps: Deps) {
  const offset = offsetOf(input.page_token)
  let rows = deps.db
    .selectFrom('modelVersions')
    .innerJoin('models', 'models.id', 'modelVersions.modelId')
    .selectAll('modelVersions')
    .where('modelVersions.teamId', '=', caller.teamId)
  for (const { of, operator, value } of parseRegistryFilter(input.filter)) {
    const sign = operator === 'ilike' ? 'like' : operator
    if (of === 'name') rows = rows.where('models.name', sign, value)
    else if (of === 'run_id') rows = rows.where('modelVersions.runId', sign, value)
    else if (of === 'source_path') rows = rows.where('modelVersions.source', sign, value)
    else {
      // What has no such tag has not that value either.
      const equal = operator === '!=' ? '=' : operator === 'ilike' ? 'like' : operator
      rows = rows.where(({ exists, not, selectFrom }) => {
        const tagged = exists(
          selectFrom('modelAttributes')
            .select('modelAttributes.value')
            .whereRef('modelAttributes.subjectId', '=', 'modelVersions.id')
            .where('modelAttributes.name', '=', of.slice('tag:'.length))
            .where('modelAttributes.value', equal, value),
        )
        return operator === '!=' ? not(tagged) : tagged
      })
    }
  }
  const found = await rows
    .orderBy('modelVersions.createdAt', 'desc')
    .orderBy('modelVersions.version', 'desc')
    .offset(offset)
    .limit(input.max_results + 1)
    .execute()
  const more = found.length > input.max_results
  return {
    model_versions: await presentVersions(deps.db, caller, found.slice(0, input.max_results)),
    ...(more ? { next_page_token: String(offset + input.max_results) } : {}),
  }
}

async function transition(
  { caller, input }: CompatRequest<Which & { stage: string; archive_existing_versions: boolean }>,
  deps: Deps,
) {
  const own = await findOne(deps, caller, input)
  if (input.archive_existing_versions) {
    const others = await deps.db
      .selectFrom('modelAttributes')
      .innerJoin('modelVersions', 'modelVersions.id', 'modelAttributes.subjectId')
      .select('modelVersions.id')
      .where('modelVersions.modelId', '=', own.modelId)
      .where('modelAttributes.name', '=', stageAttribute)
      .where('modelAttributes.value', '=', input.stage)
      .execute()
    for (const { id } of others) await setTag(deps, id, { key: stageAttribute, value: 'Archived' })
  }
  await setTag(deps, own.id, { key: stageAttribute, value: input.stage })
  return shown(deps, caller, input)
}
