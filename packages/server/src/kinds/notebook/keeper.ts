import { readFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { notebookPort } from '@nabla/api/notebook'
import type { NotebookRow } from '../../db/notebook-tables.ts'
import type { Address } from '../../engines/engine.ts'
import type { Deps } from '../../deps.ts'
import { toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import { runningTask } from '../served.ts'
import { jupyterToken } from './served.ts'

/**
 * Asks notebooks that are being started whether they answer, and writes down when they do. It holds nothing that is not
 * made anew from the rows.
 */
export class NotebookKeeper {
  readonly #deps: Deps
  /** Those that are being asked, and when (steady) others are asked again. */
  readonly #asking = new Set<string>()
  readonly #notBefore = new Map<string, number>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Begins to ask. To be called by whoever holds the lease of the control loop. Answers with work that never fails. */
  async tend(stopped: AbortSignal): Promise<Promise<void>[]> {
    const rows = await this.#deps.db
      .selectFrom('notebooks')
      .selectAll()
      .where('endedAt', 'is', null)
      .where('readyAt', 'is', null)
      .where('stopRequestedAt', 'is', null)
      .where('state', '=', 'provisioning')
      .execute()
    for (const id of this.#notBefore.keys()) if (!rows.some((row) => row.id === id)) this.#notBefore.delete(id)
    const now = this.#deps.clock.steady()
    const due = rows.filter(({ id }) => !this.#asking.has(id) && now >= (this.#notBefore.get(id) ?? -Infinity))
    return due.map((row) => this.#ask(row, stopped))
  }

  async #ask(row: NotebookRow, stopped: AbortSignal): Promise<void> {
    const { clock, log, loop } = this.#deps
    this.#asking.add(row.id)
    try {
      if (row.jupyterAt === null && (await this.#hasBegun(row))) {
        await this.#note(row, { jupyterAt: toIso(clock.now()) })
      }
      const address = await this.#addressOf(row)
      if (address && (await this.#answers(row, address, stopped)))
        await this.#note(row, { readyAt: toIso(clock.now()) })
    } catch (error) {
      if (!stopped.aborted) log.warn({ err: error, subject: row.id }, 'a notebook could not be asked')
    } finally {
      this.#asking.delete(row.id)
      this.#notBefore.set(row.id, clock.steady() + limits.notebookAskMs)
      clock.after(limits.notebookAskMs, () => loop.wake(row.id))
    }
  }

  /** Whether its packages are there and Jupyter is being started: `prepare.py` says so by the number of the session. */
  async #hasBegun(row: NotebookRow): Promise<boolean> {
    const file = join(this.#deps.volumes.volumeDir(row.environmentId), 'starting')
    const text = await readFile(file, 'latin1').catch(() => '')
    return text.trim() === String(row.session)
  }

  async #addressOf(row: NotebookRow): Promise<Address | null> {
    const task = await runningTask(this.#deps, row.id)
    if (!task) return null
    return (await this.#deps.engines.get(task.engine)?.address(task.id, notebookPort)) ?? null
  }

  /** Whether a Jupyter answers there that knows its token. */
  #answers(row: NotebookRow, { host, port }: Address, stopped: AbortSignal): Promise<boolean> {
    const headers = { authorization: `token ${jupyterToken(this.#deps.box, row.id)}` }
    const options = { host, port, path: '/api/status', headers, agent: false, timeout: limits.notebookAskTimeoutMs }
    return new Promise((resolve) => {
      const asked = get({ ...options, signal: stopped }, (answer) => {
        answer.resume()
        answer.on('error', () => {})
        resolve(answer.statusCode === 200)
      })
      asked.on('timeout', () => asked.destroy())
      asked.on('error', () => resolve(false))
    })
  }

  async #note(row: NotebookRow, changes: Partial<Pick<NotebookRow, 'readyAt' | 'jupyterAt'>>): Promise<void> {
    await this.#deps.db
      .updateTable('notebooks')
      .set(({ eb }) => ({ ...changes, version: eb('version', '+', 1) }))
      .where('id', '=', row.id)
      .where('session', '=', row.session)
      .where('endedAt', 'is', null)
      .execute()
    this.#deps.loop.wake(row.id)
  }
}
