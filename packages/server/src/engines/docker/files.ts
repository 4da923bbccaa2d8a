import { constants } from 'node:fs'
import { chmod, cp, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { TaskSpec } from '../engine.ts'
import { type Daemon, statusOf } from './daemon.ts'
import { instanceLabel, type PlacedMount, taskLabel } from './container.ts'
import { SetupFailure } from './exit.ts'

/** How a task gets files that it may change without changing them: a layer over them, or a copy of its own. */
export type CopyMode = 'overlay' | 'copy'

/** In a list of options to mount, these cannot stand in a path. */
const unfitForOverlay = /[,:\\"\s]/

/** Puts the files of a task where its container can mount them. `folder`: where it may keep what it changes. */
export async function placeMounts(
  daemon: Daemon,
  instance: string,
  spec: TaskSpec,
  folder: string,
  mode: CopyMode,
): Promise<PlacedMount[]> {
  const placed: PlacedMount[] = []
  for (const [index, mount] of spec.mounts.entries()) {
    const found = await stat(mount.source).catch(() => null)
    if (!found) throw new SetupFailure(`The files for ${mount.target} are not on this machine.`, 'machine')
    const targets = [mount.target, ...(mount.aliases ?? [])]
    if (mount.mode !== 'copy') {
      placed.push({ type: 'bind', source: mount.source, targets, readOnly: mount.mode === 'ro' })
      continue
    }
    const own = join(folder, `copy${index}`)
    const fits = found.isDirectory() && !unfitForOverlay.test(mount.source + own)
    if (mode === 'overlay' && fits) {
      const name = volumeName(spec.id, index)
      await makeOverlay(daemon, instance, { id: spec.id, name, source: mount.source, own })
      placed.push({ type: 'volume', source: name, targets, readOnly: false })
    } else {
      const copy = join(own, 'copy')
      await mkdir(own, { recursive: true, mode: 0o700 })
      const options = { recursive: true, verbatimSymlinks: true, preserveTimestamps: true, force: true }
      await cp(mount.source, copy, { ...options, mode: constants.COPYFILE_FICLONE })
      placed.push({ type: 'bind', source: copy, targets, readOnly: false })
    }
  }
  return placed
}

/** Where a task keeps what it changes of its files, in the folder of its record. */
export const filesFolder = (record: string): string => join(record, 'files')

/** The folder with what a task has changed in the mount of this number; null if it has none. */
export async function copyOf(folder: string, index: number): Promise<string | null> {
  for (const name of ['upper', 'copy']) {
    const path = join(folder, `copy${index}`, name)
    if (await stat(path).catch(() => null)) return path
  }
  return null
}

/** Removes the volumes of a task; its folders go with it. */
export async function removeVolumes(daemon: Daemon, spec: Pick<TaskSpec, 'id' | 'mounts'>): Promise<void> {
  for (const [index, mount] of spec.mounts.entries()) {
    if (mount.mode === 'copy') await removeVolume(daemon, volumeName(spec.id, index))
  }
}

export async function removeVolume(daemon: Daemon, name: string): Promise<void> {
  try {
    await (await daemon.calls()).getVolume(name).remove()
  } catch (error) {
    if (statusOf(error) !== 404) throw error
  }
}

const volumeName = (id: string, index: number): string => `nabla-${id}-${index}`

/** The daemon mounts it when the container starts, and unmounts it when it has ended: nothing of it is left behind. */
async function makeOverlay(
  daemon: Daemon,
  instance: string,
  { id, name, source, own }: { id: string; name: string; source: string; own: string },
): Promise<void> {
  const [upper, work] = [join(own, 'upper'), join(own, 'work')]
  for (const made of [upper, work]) await mkdir(made, { recursive: true })
  // It is the top of what the task sees, whoever it runs as; nobody else on this machine gets to the folder above.
  await chmod(upper, 0o777)
  await (
    await daemon.calls()
  ).createVolume({
    Name: name,
    Driver: 'local',
    Labels: { [instanceLabel]: instance, [taskLabel]: id },
    DriverOpts: {
      type: 'overlay',
      device: 'overlay',
      o: `lowerdir=${source},upperdir=${upper},workdir=${work}`,
    },
  })
}
