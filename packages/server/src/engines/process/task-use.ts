import { existsSync } from 'node:fs'
import { join } from 'node:path'

import type { TaskSample } from '../engine.ts'
import { readChildren, readStat } from '../machine/kernel-files.ts'
import { findFiles, type Place, readFigures } from '../machine/task-figures.ts'
import type { Reports } from './reports.ts'

/** Measures tasks by what the kernel keeps of them: control groups of version 1 or 2, and /proc. */
export class TaskMeter {
  readonly #reports: Reports
  #places = new Map<string, Place>()

  constructor(reports: Reports) {
    this.#reports = reports
  }

  /** Those of the tasks that run now. Others of the server's work goes on between two tasks. */
  async read(ids: readonly string[]): Promise<TaskSample[]> {
    const samples: TaskSample[] = []
    const places = new Map<string, Place>()
    let tree: Map<number, number[]> | undefined
    for (const id of ids) {
      if (this.#reports.isKnownToHaveEnded(id)) continue
      const place = this.#places.get(id) ?? (await this.#find(id))
      if (!place || readStat(place.pid)?.start !== place.start) continue
      places.set(id, place)
      if (!place.procs) tree ??= readChildren()
      samples.push({ id, ...readFigures(place, tree) })
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#places = places
    return samples
  }

  async #find(id: string): Promise<Place | null> {
    const file = await this.#reports.read(id)
    if (!file || file.exit || !file.supervised) return null
    const place = { pid: file.pid, start: file.start }
    // The groups are made a moment after the report; until then, the next look finds them.
    if (!file.cgroups.every((folder) => existsSync(join(folder, 'cgroup.procs')))) return null
    return { ...place, ...findFiles(file.cgroups) }
  }
}
