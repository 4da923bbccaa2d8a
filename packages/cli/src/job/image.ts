import type { createJob } from '@nabla/api/job'
import type { z } from 'zod'
import { usageError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { readStdin } from '../terminal/prompts.ts'
import { flag, inSection, type ValuesOf } from '../flags.ts'

/** Options of jobs that run in an image. */
export const imageFlags = inSection('Image', {
  registry: flag.text('name', 'stored login to use, of several for one host; see `nabla registry list`'),
  registryUsername: flag.text('name', 'log in with this name, for this job alone'),
  registryPasswordStdin: flag.on('read the password for it from standard input'),
  registryPasswordFromEnv: flag.text('variable', 'take the password for it from this variable'),
  pull: flag.oneOf(['missing', 'always', 'never'], 'when the image is fetched', { fallback: 'as the server is set' }),
  user: flag.text('user[:group]', 'user in the image'),
  entrypoint: flag.text('words', 'give the command to this program; `image`: to the entrypoint of the image'),
  shmSize: flag.bytes('size of /dev/shm', { fallback: 'half of the memory' }),
})

/** Options of jobs that build their image. */
export const buildFlags = inSection('Build', {
  build: flag.on('build the image from the Dockerfile of the workspace, and run in it'),
  dockerfile: flag.text('path', 'another Dockerfile in the workspace', { fallback: 'Dockerfile' }),
  buildArg: flag.texts('name=value', 'value of an ARG; a name alone takes the value from here'),
  target: flag.text('stage', 'build only up to this stage'),
  push: flag.text('image', 'send the image there: ghcr.io/me/train:1'),
  buildOnly: flag.on('run nothing'),
})

type ImageFlags = ValuesOf<typeof imageFlags>
type BuildFlags = ValuesOf<typeof buildFlags>
type Body = z.input<typeof createJob>

/** What of a job the options of images and builds say; what was not given is left out. */
export async function readImage(context: Context, flags: ImageFlags & BuildFlags): Promise<Partial<Body>> {
  return {
    ...readContainer(flags),
    ...(wantsBuild(flags) && { build: readBuild(context, flags) }),
    ...(flags.registryUsername !== undefined && { registryLogin: await readLogin(context, flags) }),
  }
}

/** The options of images that a clone may have too. */
export function readContainer(flags: Omit<ImageFlags, `registry${string}`> & { registry: string | undefined }) {
  const { registry, pull, user, entrypoint, shmSize } = flags
  return {
    ...(registry !== undefined && { registry }),
    ...(pull !== undefined && { pull }),
    ...(user !== undefined && { user }),
    ...(entrypoint !== undefined && { entrypoint: readEntrypoint(entrypoint) }),
    ...(shmSize !== undefined && { shmBytes: shmSize }),
  }
}

/** One of its options says as much as `--build`. */
export function wantsBuild(flags: BuildFlags): boolean {
  const { build, dockerfile, buildArg, target, push, buildOnly } = flags
  return build || buildOnly || buildArg.length > 0 || [dockerfile, target, push].some((given) => given !== undefined)
}

const readEntrypoint = (text: string): 'image' | string[] =>
  text === 'image' ? text : text.split(/\s+/).filter(Boolean)

function readBuild({ io }: Context, flags: BuildFlags): NonNullable<Body['build']> {
  const { dockerfile, target, push, buildOnly } = flags
  const args = flags.buildArg.map((text) => {
    const at = text.indexOf('=')
    if (at !== -1) return [text.slice(0, at), text.slice(at + 1)] as const
    const value = io.variables[text]
    if (value === undefined)
      throw usageError(`The variable ${text} is not set here.`, `Give it: --build-arg ${text}=value`)
    return [text, value] as const
  })
  return {
    ...(dockerfile !== undefined && { dockerfile }),
    ...(args.length > 0 && { args: Object.fromEntries(args) }),
    ...(target !== undefined && { target }),
    ...(push !== undefined && { push }),
    ...(buildOnly && { only: true }),
  }
}

async function readLogin(context: Context, flags: ImageFlags): Promise<NonNullable<Body['registryLogin']>> {
  const { registryUsername: username = '', registryPasswordStdin, registryPasswordFromEnv: variable } = flags
  if (!registryPasswordStdin && variable === undefined) {
    throw usageError(
      'There is no password for --registry-username.',
      'Give --registry-password-stdin or --registry-password-from-env NAME.',
    )
  }
  const password = variable === undefined ? await readStdin(context) : context.io.variables[variable]
  if (!password)
    throw usageError('The password for the registry is empty.', 'Give one, or leave --registry-username out.')
  return { username, password }
}
