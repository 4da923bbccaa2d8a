import { latestTag } from './dataset-states.ts'

/** Takes `name:version` apart; without a version, it is the latest that is ready. */
export function parseDatasetReference(reference: string): { dataset: string; version: string } {
  const colon = reference.indexOf(':')
  if (colon < 0) return { dataset: reference, version: latestTag }
  return { dataset: reference.slice(0, colon), version: reference.slice(colon + 1) }
}
