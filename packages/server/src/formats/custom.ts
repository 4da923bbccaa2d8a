import { bounds, isRecord, type ModelFile, parseObject, readWhole, shown } from './reader.ts'
import type { Found } from './found.ts'

/** What `gradient-model-metadata.json` says: any JSON, by custom with `metrics` of a name and a `numberValue`. */
export async function readMetadata(file: ModelFile): Promise<Pick<Found, 'details' | 'metrics'>> {
  const value = parseObject(file, (await readWhole(file, 1024 * 1024)).toString('utf8'))
  const metrics = Array.isArray(value['metrics']) ? value['metrics'].filter(isRecord) : []
  const details = Object.entries(value)
    .filter(([name, one]) => name !== 'metrics' && one !== null)
    .slice(0, 100)
    .map(([name, one]) => [shown(name, 100), shown(typeof one === 'string' ? one : JSON.stringify(one), 1000)])
  return {
    metrics: metrics.slice(0, 1000).flatMap(({ name, numberValue, value: other }) => {
      const number = numberValue ?? other
      const isGood = typeof name === 'string' && name !== '' && typeof number === 'number'
      return isGood ? [{ name: shown(name, 250), value: number }] : []
    }),
    details: Object.fromEntries(details) as Record<string, string>,
  }
}

/** Names under which the file is looked for. */
export const metadataName = 'gradient-model-metadata.json'

/** Values of `metrics` that are kept of event files. */
export const mostMetrics = Math.min(1000, bounds.layers)
