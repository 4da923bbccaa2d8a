import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'

/** What Gradient offered by name, and what its examples run shells in; the machine itself stands in for it where it can run no images. */
const known =
  /^(paperspace\/|tensorflow\/|pytorch\/|jupyter\/|(python|bash|busybox|alpine|ubuntu|debian)(:|$)|Test-Container)/i

/**
 * The image that a container name of Gradient means here: what the settings say, by the whole name, without its tag,
 * or by a beginning with a star (`paperspace/*`); else itself, where the machine type runs images; else `host` for
 * those that Gradient itself offered. Throws AppError `invalid` that says what to do.
 */
export function imageFor(
  { config, machineTypes, engines }: Pick<Deps, 'config' | 'machineTypes' | 'engines'>,
  container: string | undefined,
  machineType: string | undefined,
): string {
  if (container === undefined) return 'host'
  const configured = configuredFor(config.gradient.containers, container)
  if (configured !== undefined) return configured
  if (container === 'host') return container
  const type = (machineType === undefined ? undefined : machineTypes.find(machineType)) ?? machineTypes.default
  const taken = engines.get(type.engine)?.accepts(container)
  if (taken?.ok) return container
  if (known.test(container)) return 'host'
  throw new AppError('invalid', {
    detail:
      `The container ${container.slice(0, 200)} cannot run on the machine type ${type.name}: ${taken?.ok === false ? taken.reason : 'it runs no images.'} ` +
      'The setting gradient.containers says what it means here: an image, or `host` for the machine itself.',
  })
}

function configuredFor(containers: Readonly<Record<string, string>>, container: string): string | undefined {
  const exact = containers[container] ?? containers[container.replace(/:[^:/]*$/, '')]
  if (exact !== undefined) return exact
  const beginnings = Object.keys(containers).filter(
    (pattern) => pattern.endsWith('*') && container.startsWith(pattern.slice(0, -1)),
  )
  const longest = beginnings.toSorted((a, b) => b.length - a.length)[0]
  return longest === undefined ? undefined : containers[longest]
}
