import { notebookPort, type NotebookState } from '@nabla/api/notebook'
import type { SecretBox } from '../../lib/secret-box.ts'
import { runningTask, type ServedKind } from '../served.ts'

/**
 * The token of a notebook's Jupyter: made of its id, so it need not be kept, and known to its task by the file
 * `/generated/key` alone.
 */
export const jupyterToken = (box: Pick<SecretBox, 'derive'>, id: string): string =>
  box.derive(`gang ${id}`).toString('hex')

/** What a notebook serves: its Jupyter, at an address that has no port and stays the same for ever. */
export const notebookServed: ServedKind = {
  prefix: 'n',
  async find({ db, box, jupyter }, id, port) {
    const row = await db
      .selectFrom('notebooks')
      .select(['id', 'name', 'teamId', 'state', 'reason'])
      .where('id', '=', id)
      .where('deletedAt', 'is', null)
      .executeTakeFirst()
    if (!row || port !== null) return null
    const state = row.state as NotebookState
    const headers = { authorization: `token ${jupyterToken(box, row.id)}` }
    const isUp = state === 'running' || state === 'provisioning'
    return {
      teamId: row.teamId,
      name: `Notebook ${row.name}`,
      access: 'team',
      task: isUp ? await runningTask({ db }, row.id) : null,
      reason: reasons[state],
      starting: state === 'provisioning',
      port: notebookPort,
      headers,
      observe: (what, url) => jupyter.observe(row.id, what, url),
      takeSocket: (given) => jupyter.takeSocket(row.id, { ...given.address, headers, prefix: '' }, given),
    }
  },
}

const reasons: Record<NotebookState, string> = {
  pending: 'it waits for a place on the machine',
  provisioning: 'it is being started',
  running: 'it is being started',
  stopping: 'it is being stopped',
  stopped: 'it is stopped',
  error: 'it is stopped, and the notebook says why',
}
