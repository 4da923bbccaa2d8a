import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'

import { registryOf } from '../../lib/image-reference.ts'
import type { TaskSpec } from '../engine.ts'
import { buildImage, type BuildWish, forgetName, pushImage } from './build.ts'
import type { ContainerSettings } from './container.ts'
import { statusOf } from './daemon.ts'
import { SetupFailure } from './exit.ts'
import type { LocalImage } from './images.ts'
import type { Shared } from './task-run.ts'

type Parts = Pick<Shared, 'daemon' | 'clock' | 'images' | 'networks' | 'pull'>

/** Fetches or builds the image of a task. How that goes on is told in the task's own output, in `system`. */
export async function obtainImage(
  parts: Parts,
  spec: TaskSpec,
  settings: ContainerSettings,
  signal: AbortSignal,
): Promise<LocalImage> {
  let said = Promise.resolve()
  const say = (line: string) => {
    // Output that cannot be written, as on a full disk, does not keep an image from being fetched.
    said = said.then(() => appendFile(join(spec.outputDir, 'system'), `${line}\n`)).catch(() => {})
  }
  try {
    if (spec.build) return await build(parts, spec, settings, say, signal)
    const { pull = parts.pull, login } = spec.container ?? {}
    return await parts.images.obtain({ image: spec.image, pull, ...(login ? { login } : {}) }, say, signal)
  } finally {
    await said
  }
}

async function build(
  parts: Parts,
  spec: TaskSpec,
  settings: ContainerSettings,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<LocalImage> {
  const wish = await wishOf(parts, spec, settings)
  const build = { ...parts, say, signal }
  await buildImage(wish, build)
  const { push } = wish.build
  if (push !== undefined) await parts.images.lend(push, () => pushImage(build, wish))
  return parts.images.built(wish.name)
}

async function wishOf(
  { networks }: Parts,
  spec: TaskSpec,
  { instance, hostEnv }: ContainerSettings,
): Promise<BuildWish> {
  const { image: name, build, container, resources } = spec
  const mount = spec.mounts.find(({ target }) => target === build?.context)
  if (!build || !mount) throw new SetupFailure('There are no files to build an image of.', 'user')
  const network = await networks.ensure(spec.networkScope)
  const login = container?.login
  const host = build.push === undefined ? null : registryOf(build.push)
  // What goes out with one login can be begun with as well.
  const logins = login && host !== null ? { ...build.logins, [host]: login } : build.logins
  const wish = { name, build: { ...build, logins }, folder: mount.source, resources, network, instance, hostEnv }
  return login ? { ...wish, login } : wish
}

/** A server that was killed while an image was sent may have left the name that it was sent by. */
export async function forgetPushed({ daemon }: Pick<Parts, 'daemon'>, spec: TaskSpec): Promise<void> {
  const { push } = spec.build ?? {}
  if (push === undefined) return
  try {
    const docker = await daemon.calls()
    const [sent, made] = await Promise.all([docker.getImage(push).inspect(), docker.getImage(spec.image).inspect()])
    if (sent.Id === made.Id) await forgetName(daemon, push)
  } catch (error) {
    if (statusOf(error) === undefined) throw error
  }
}
