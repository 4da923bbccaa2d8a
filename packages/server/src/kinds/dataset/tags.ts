import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import type { Handlers } from '../kind.ts'
import { findReady, holdDataset } from './find.ts'
import { moveTags, refuseLatest } from './move-tags.ts'
import { toVersion } from './view.ts'

export const datasetTagHandlers: Pick<Handlers<'dataset'>, 'tag' | 'untag'> = {
  async tag({ caller, params, body }, deps) {
    refuseLatest([params.tag])
    const row = await change(deps, async (trx) => {
      const dataset = await holdDataset(trx, caller.teamId, params.dataset)
      const version = await findReady(trx, dataset, body.version)
      await moveTags(trx, version, [params.tag])
      const event = { teamId: caller.teamId, subject: dataset.id, actor: caller.userName, type: 'dataset.tagged' }
      const data = { name: dataset.name, version: version.version, tags: [params.tag] }
      await recordEvents(trx, deps.clock.now(), [{ ...event, data }])
      return version
    })
    return toVersion(deps.db, row)
  },

  async untag({ caller, params }, deps) {
    refuseLatest([params.tag])
    await change(deps, async (trx) => {
      const dataset = await holdDataset(trx, caller.teamId, params.dataset)
      const { numDeletedRows } = await trx
        .deleteFrom('datasetTags')
        .where('datasetId', '=', dataset.id)
        .where('tag', '=', params.tag)
        .executeTakeFirst()
      if (numDeletedRows === 0n) {
        throw new AppError('unknown_version', { dataset: dataset.name, version: params.tag })
      }
      const event = { teamId: caller.teamId, subject: dataset.id, actor: caller.userName, type: 'dataset.untagged' }
      await recordEvents(trx, deps.clock.now(), [{ ...event, data: { name: dataset.name, tags: [params.tag] } }])
    })
    return { deleted: true }
  },
}
