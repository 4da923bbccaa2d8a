import type { ModelTensor, ScanVerdict } from '@nabla/api/model-format'
import { scanVerdicts } from '@nabla/api/model-tables'
import type { ReactNode } from 'react'
import { formatCount } from '../../parts/format.ts'
import { type Shape, StateBadge } from '../../parts/state-badge.tsx'

const shapes: Record<ScanVerdict, Shape> = { clean: 'done', suspicious: 'warning', dangerous: 'failed' }

/** What the scan of its pickles came to. */
export function Verdict({ verdict }: { verdict: ScanVerdict | null }): ReactNode {
  if (verdict === null) return <span className="faint none">–</span>
  const { label, about } = scanVerdicts[verdict]
  return (
    <span title={about}>
      <StateBadge state={verdict} label={label} shape={shapes[verdict]} />
    </span>
  )
}

/** The aliases of a version, or of a model with their versions. */
export function Aliases({ aliases }: { aliases: readonly string[] }): ReactNode {
  return (
    <span className="model-aliases" title={aliases.join(', ')}>
      {aliases.map((alias) => (
        <span key={alias} className="model-alias ellipsis">
          {alias}
        </span>
      ))}
    </span>
  )
}

/** `8.1 M`; exact where one points at it. */
export function ParameterCount({ count }: { count: number | null | undefined }): ReactNode {
  if (count === null || count === undefined) return <span className="faint none">–</span>
  return (
    <span className="number" title={formatCount(count)}>
      {shortCount(count)}
    </span>
  )
}

export function shortCount(count: number): string {
  for (const [size, unit] of [
    [1e12, 'T'],
    [1e9, 'B'],
    [1e6, 'M'],
    [1e4, 'k'],
  ] as const) {
    if (count >= size) return `${(count / (unit === 'k' ? 1e3 : size)).toPrecision(3)} ${unit}`
  }
  return formatCount(count)
}

/** `[batch, 64]`, with a question mark for what may be of any length. */
export const shapeText = (shape: ModelTensor['shape']): string =>
  shape === null ? '–' : `[${shape.map((length) => length ?? '?').join(', ')}]`
