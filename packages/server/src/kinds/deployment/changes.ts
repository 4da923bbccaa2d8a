import { isDeepStrictEqual } from 'node:util'
import type { DeploymentRevision } from '@nabla/api/deployment'

type Change = DeploymentRevision['changes'][number]

/** What one spec has otherwise than another, field by field: `env.LEVEL`, `healthChecks.readiness.path`. Pure. */
export function changesBetween(before: unknown, after: unknown, field = ''): Change[] {
  if (isDeepStrictEqual(before, after)) return []
  if (!isTable(before) || !isTable(after)) {
    return [{ field, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }]
  }
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names.flatMap((name) => changesBetween(before[name], after[name], field === '' ? name : `${field}.${name}`))
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
