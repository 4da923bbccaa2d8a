import type { ModelVersionRow } from '../../db/model-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import type { Handlers } from '../kind.ts'
import { assertReady, findModelVersion, holdModel } from './find.ts'
import { toModelVersion } from './view.ts'

export const modelAliasHandlers: Pick<Handlers<'model'>, 'setAlias' | 'deleteAlias'> = {
  async setAlias({ caller, params, body }, deps) {
    const row = await change(deps, async (trx) => {
      const model = await holdModel(trx, caller.teamId, params.model)
      const version = assertReady(model, await findModelVersion(trx, model, body.version))
      await moveAliases(trx, version, [params.alias])
      const event = { teamId: caller.teamId, subject: model.id, actor: caller.userName, projectId: model.projectId }
      const data = { name: model.name, version: version.version, alias: params.alias }
      await recordEvents(trx, deps.clock.now(), [{ ...event, type: 'model.aliased', data }])
      return version
    })
    return toModelVersion(deps.db, row)
  },

  async deleteAlias({ caller, params }, deps) {
    await change(deps, async (trx) => {
      const model = await holdModel(trx, caller.teamId, params.model)
      const { numDeletedRows } = await trx
        .deleteFrom('modelAliases')
        .where('modelId', '=', model.id)
        .where('alias', '=', params.alias)
        .executeTakeFirst()
      if (numDeletedRows === 0n) {
        throw new AppError('unknown_model_version', { model: model.name, version: `alias ${params.alias}` })
      }
      const event = { teamId: caller.teamId, subject: model.id, actor: caller.userName, projectId: model.projectId }
      const data = { name: model.name, alias: params.alias }
      await recordEvents(trx, deps.clock.now(), [{ ...event, type: 'model.unaliased', data }])
    })
    return { deleted: true }
  },
}

/** Gives aliases to a version, and takes them from those that had them. */
export async function moveAliases(
  trx: Trx,
  { id: versionId, modelId }: Pick<ModelVersionRow, 'id' | 'modelId'>,
  aliases: readonly string[],
): Promise<void> {
  const rows = [...new Set(aliases)].map((alias) => ({ modelId, alias, versionId }))
  if (rows.length === 0) return
  await trx
    .insertInto('modelAliases')
    .values(rows)
    .onConflict((c) => c.columns(['modelId', 'alias']).doUpdateSet({ versionId }))
    .execute()
}
