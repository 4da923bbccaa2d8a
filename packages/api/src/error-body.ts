import type { ErrorBody } from './errors.ts'

/**
 * What a server said no with, out of the body of its answer; undefined if it is none. By hand, so that a page that only
 * calls the API need not load the schemas.
 */
export function readErrorBody(value: unknown): ErrorBody | undefined {
  const error = fieldOf(value, 'error')
  const [code, message, hint] = [fieldOf(error, 'code'), fieldOf(error, 'message'), fieldOf(error, 'hint')]
  if (typeof code !== 'string' || typeof message !== 'string' || typeof hint !== 'string') return undefined
  const requestId = fieldOf(error, 'requestId')
  return { error: { code, message, hint, ...(typeof requestId === 'string' && { requestId }) } }
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
