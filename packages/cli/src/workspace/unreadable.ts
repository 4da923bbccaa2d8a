import { CliError, systemCode } from '../cli-error.ts'

/** Says which file or folder of the workspace could not be read, and why. */
export function unreadable(path: string, error: unknown, what = 'file'): CliError {
  const code = systemCode(error)
  const why = code === 'EACCES' || code === 'EPERM' ? 'permission denied' : (code ?? String(error))
  const hint = 'Make it readable for you, or leave it out: put its name into a file .nablaignore.'
  return new CliError(`The ${what} ${path} cannot be read: ${why}.`, hint, 'failure', error)
}
