import { readlinkSync } from 'node:fs'
import { dirname, isAbsolute, join, posix, relative, sep } from 'node:path'
import { systemCode } from '../cli-error.ts'
import { unreadable } from './unreadable.ts'

/** Where a link leads, as it is written. Undefined: it is gone again. */
export function readLink(root: string, path: string): string | undefined {
  try {
    return readlinkSync(join(root, path))
  } catch (error) {
    if (['ENOENT', 'EINVAL', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw unreadable(path, error, 'link')
  }
}

/** Where a link leads, relative to its own folder, if that is inside the workspace; an absolute one is rewritten. */
export function insideTarget(root: string, path: string, target: string): string | undefined {
  if (target.includes('\uFFFD')) return undefined
  const local = isAbsolute(target)
    ? relative(join(root, dirname(path)), target)
        .split(sep)
        .join('/')
    : target
  const reached = posix.normalize(posix.join(posix.dirname(path), local))
  return reached === '..' || reached.startsWith('../') ? undefined : local || '.'
}
