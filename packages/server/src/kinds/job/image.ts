import type { JobSpec } from '@nabla/api/job'
import type { Engine } from '../../engines/engine.ts'
import { AppError } from '../../lib/app-error.ts'
import { parseReference, registryOf } from '../../lib/image-reference.ts'
import type { TaskRequest } from '../../tasks/task.ts'
import { checkRegistry } from '../registry.ts'
import type { StoredJobSpec } from './planned.ts'

/** What only jobs in an image have. */
const onlyInImages = ['registry', 'pull', 'user', 'entrypoint', 'shmBytes'] as const

/** Refuses what does not go together. Throws AppError `invalid`, `unknown_registry`. */
export async function checkImage(
  deps: Parameters<typeof checkRegistry>[0],
  teamId: string,
  spec: JobSpec,
  given: { hasLogin: boolean; hasFiles: boolean },
): Promise<void> {
  const { build, image, registry } = spec
  const refuse = (detail: string) => new AppError('invalid', { detail })
  const stray = onlyInImages.find((name) => spec[name] !== null)
  if (image === 'host' && !build && (stray !== undefined || given.hasLogin)) {
    throw refuse(`Only a job that runs in an image has \`${stray ?? 'registryLogin'}\`: name an image.`)
  }
  if (given.hasLogin && registry !== null) throw refuse('Give either the name of a registry or a login, not both.')
  if (build) checkBuild(spec, build, given)
  if (registry !== null) await checkRegistry(deps, teamId, registry, build ? null : image)
}

function checkBuild(
  { image }: JobSpec,
  build: NonNullable<JobSpec['build']>,
  given: { hasLogin: boolean; hasFiles: boolean },
): void {
  const refuse = (detail: string) => new AppError('invalid', { detail })
  if (image !== 'host') throw refuse('A job that builds its image runs in that: leave `image` out.')
  if (!given.hasFiles) throw refuse('A build needs a workspace with a Dockerfile.')
  if (given.hasLogin && build.push === null) throw refuse('The login is for where the image is pushed: say where.')
  const pushed = build.push === null ? null : parseReference(build.push)
  if (pushed && 'reason' in pushed) throw refuse(pushed.reason)
  if (pushed?.digest) throw refuse('An image is pushed by a tag, not by a digest.')
}

/** Whether an engine can run a job, and if not, why. */
export function takes(
  engine: Engine,
  { image, build }: Pick<JobSpec, 'image' | 'build'>,
): ReturnType<Engine['accepts']> {
  if (!build) return engine.accepts(image)
  return engine.builds ? { ok: true } : { ok: false, reason: 'Jobs of this machine type run without an image.' }
}

/** What the task of a job asks of its image. */
export function imageRequest(
  spec: JobSpec,
  jobId: string,
  workingDir: string,
  sealedLogin: string | undefined,
): Pick<TaskRequest, 'image' | 'container' | 'build'> {
  const { image, build, registry, user, entrypoint, pull, shmBytes } = spec
  if (image === 'host' && !build) return { image }
  const container = {
    login: registry,
    ...(sealedLogin === undefined ? {} : { sealedLogin }),
    ...(user === null ? {} : { user }),
    ...(entrypoint === null ? {} : { entrypoint }),
    ...(pull === null ? {} : { pull }),
    ...(shmBytes === null ? {} : { shmBytes }),
  }
  if (!build) return { image, container }
  const { dockerfile, args, target, push, only } = build
  const more = { ...(target === null ? {} : { target }), ...(push === null ? {} : { push }) }
  // A name that nobody can guess, so that nobody else runs it; names of registries mean what they hold.
  return {
    image: `localhost/nabla-build:${jobId}`,
    container,
    build: { context: workingDir, dockerfile, args, only, ...more },
  }
}

/** The login that a job was given by itself, sealed, for a clone that asks the same registry. */
export function loginOfClone(
  { spec, task }: StoredJobSpec,
  clone: Pick<JobSpec, 'image' | 'build' | 'registry'>,
): string | undefined {
  const hostOf = ({ image, build }: Pick<JobSpec, 'image' | 'build'>) => registryOf(build ? (build.push ?? '') : image)
  if (clone.registry !== null || hostOf(spec) !== hostOf(clone)) return undefined
  return task.request.container?.sealedLogin
}
