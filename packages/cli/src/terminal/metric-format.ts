import type { MetricUnit } from '@nabla/api/metric'
import { formatBytes, formatMemory } from './format.ts'

const formats: Record<MetricUnit, (value: number) => string> = {
  cores: (value) => value.toFixed(2),
  percent: (value) => `${Math.round(value)} %`,
  bytes: formatMemory,
  'bytes/s': (value) => `${formatBytes(value)}/s`,
  count: (value) => String(Number(value.toFixed(1))),
  watts: (value) => `${Math.round(value)} W`,
  celsius: (value) => `${Math.round(value)} °C`,
}

/** A value in the words of its unit. */
export function formatMetric(value: number, unit: string | null): string {
  return unit !== null && Object.hasOwn(formats, unit)
    ? formats[unit as MetricUnit](value)
    : String(Number(value.toPrecision(4)))
}
