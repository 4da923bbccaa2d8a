import type { AppError } from '../../lib/app-error.ts'

/**
 * An error as the old clients read it: they print every `message` that they find, those of `paperspace-node` only
 * `error.message`. Their exit code says nothing, so the sentence has to. What asks by GraphQL reads a list.
 */
export function gradientError(error: AppError, path: string): { status: number; body: unknown } {
  const { status } = error
  const message = `${error.message} ${hints[error.code] ?? error.hint}`.trim()
  if (path.startsWith('/gradient/graphql')) return { status, body: { data: null, errors: [{ message }] } }
  return { status, body: { error: { name: 'ApplicationError', status, message } } }
}

/** Where what helps users of the old clients is something else. */
const hints: Partial<Record<AppError['code'], string>> = {
  unauthenticated: 'Save a key of this server with `gradient apiKey`, or set PAPERSPACE_API_KEY.',
  no_route: 'This server does not have that part of Gradient; its guide says what there is instead.',
  not_found: '',
  invalid: '',
  unknown_machine_type: 'Choose one of them with --machineType.',
}
