import type { ErrorCode } from '@nabla/api/errors'
import type { AppError } from '../../lib/app-error.ts'

/**
 * An error as MLflow's client reads it: it turns `error_code` into its own exceptions and tries some of them again.
 * https://github.com/mlflow/mlflow/blob/master/mlflow/protos/databricks.proto
 */
export function mlflowError(error: AppError): { status: number; body: unknown } {
  const [status, code] = codes[error.code] ?? byStatus(error.status)
  return { status, body: { error_code: code, message: `${error.message} ${error.hint}`.trim() } }
}

const codes: Partial<Record<ErrorCode, [number, string]>> = {
  no_route: [404, 'ENDPOINT_NOT_FOUND'],
  not_found: [404, 'RESOURCE_DOES_NOT_EXIST'],
  unknown_model_version: [404, 'RESOURCE_DOES_NOT_EXIST'],
  name_taken: [400, 'RESOURCE_ALREADY_EXISTS'],
  unauthenticated: [401, 'UNAUTHENTICATED'],
  key_expired: [401, 'UNAUTHENTICATED'],
  forbidden: [403, 'PERMISSION_DENIED'],
  too_many_failures: [429, 'REQUEST_LIMIT_EXCEEDED'],
  busy: [503, 'TEMPORARILY_UNAVAILABLE'],
  internal: [500, 'INTERNAL_ERROR'],
}

function byStatus(status: number): [number, string] {
  if (status >= 500) return [status, 'INTERNAL_ERROR']
  if (status === 404) return [404, 'RESOURCE_DOES_NOT_EXIST']
  return [status === 413 ? 413 : 400, 'INVALID_PARAMETER_VALUE']
}
