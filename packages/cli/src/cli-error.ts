import type { ApiError } from '@nabla/api/client'
import { type ExitReason, exitCodes } from './exit-codes.ts'

/** A problem that the user can solve: what happened, and what to do next. */
export class CliError extends Error {
  readonly hint: string
  readonly reason: ExitReason

  constructor(message: string, hint: string, reason: ExitReason = 'failure', cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'CliError'
    this.hint = hint
    this.reason = reason
  }

  get exitCode(): number {
    return exitCodes[this.reason].code
  }
}

/** The command line itself is wrong. */
export function usageError(message: string, hint: string): CliError {
  return new CliError(message, hint, 'usage')
}

/**
 * Whether the server said no, or did not answer. Its class is not imported for this: it comes with the whole client,
 * which only commands that talk to a server load.
 */
export function isApiError(error: unknown): error is ApiError {
  return error instanceof Error && error.name === 'ApiError'
}

/** The code of a system error, such as `ENOENT`; undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}
