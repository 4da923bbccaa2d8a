import type { Deps } from '../deps.ts'
import type { ImageLogin, TaskSpec } from '../engines/engine.ts'
import { resolveLogin, resolveLogins } from '../kinds/registry.ts'
import { registryOf } from '../lib/image-reference.ts'
import { noteHidden } from '../tasks/hidden-values.ts'
import { openLogin } from '../tasks/image-login.ts'
import type { Task } from '../tasks/task.ts'

/**
 * What a task asks of its image, with logins in place of names. Throws AppError `unknown_registry`, `invalid`,
 * `secret_unreadable`.
 */
export async function imageParts(deps: Deps, task: Task): Promise<Pick<TaskSpec, 'container' | 'build'>> {
  const { image, container, build } = task.request
  if (!container) return {}
  const { login: name, sealedLogin, ...options } = container
  const own = sealedLogin === undefined ? null : openLogin(deps.box, task.teamId, sealedLogin)
  const logins = build ? await resolveLogins(deps, task.teamId, name) : {}
  const login = own ?? (build ? loginFor(build.push, logins) : await resolveLogin(deps, task.teamId, image, name))
  const known = [...Object.values(logins), ...(login ? [login] : [])]
  await noteHidden(
    deps,
    task.ownerId,
    known.map(({ password }) => password),
  )
  return {
    container: { ...options, ...(login ? { login } : {}) },
    ...(build ? { build: { ...build, logins } } : {}),
  }
}

function loginFor(push: string | undefined, logins: Record<string, ImageLogin>): ImageLogin | null {
  const host = push === undefined ? null : registryOf(push)
  return host === null ? null : (logins[host] ?? null)
}
