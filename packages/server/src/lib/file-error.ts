import { AppError } from './app-error.ts'

/** The `code` of an error of the system, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Whether a file was not there (any more), or was no folder where one was expected. */
export function isMissing(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/**
 * Turns what the file system says about a path that a user named into an error for the user.
 * What is not the user's to solve comes back as it is.
 */
export function fileError(error: unknown, path: string): unknown {
  switch (errorCode(error)) {
    case 'ENOENT':
      return new AppError('file_not_found', { path })
    case 'ENOTDIR':
      return new AppError('bad_path', { path, reason: 'a part of it is a file, not a folder' })
    case 'EISDIR':
      return new AppError('bad_path', { path, reason: 'it is a folder' })
    case 'ELOOP':
      return new AppError('bad_path', { path, reason: 'it is a link that leads nowhere' })
    case 'ENAMETOOLONG':
      return new AppError('bad_path', { path, reason: 'it is too long for the disk of the server' })
    case 'EACCES':
    case 'EPERM':
      return new AppError('bad_path', { path, reason: 'its permissions keep the server out' })
    case 'EEXIST':
      return new AppError('conflict', { detail: `There is something at ${path} already.` })
    case 'ENOTEMPTY':
      return new AppError('conflict', { detail: `The folder ${path} is not empty.` })
    case 'ENOSPC':
    case 'EDQUOT':
      return new AppError('disk_full')
    case undefined:
    default:
      return error
  }
}
