import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { formatBytes, plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { LineRoom } from '../../parts/states.tsx'

/** From this share on the bar warns. */
const nearlyFull = 0.9

/** How much of the quota is used, or of the disk where there is none. */
export function QuotaBar(): ReactNode {
  const { data } = useApi('storage', 'usage', {})
  if (!data) {
    return (
      <div className="quota">
        <div className="quota-bar" />
        <LineRoom />
      </div>
    )
  }
  const { usedBytes, quotaBytes, freeBytes, files } = data
  const share = Math.min(1, usedBytes / Math.max(1, usedBytes + freeBytes))
  const isFull = share >= nearlyFull
  const of = quotaBytes === null ? '' : ` of ${formatBytes(quotaBytes)}`
  return (
    <div className="quota">
      <div
        className={`quota-bar ${isFull ? 'quota-full' : ''}`}
        role="meter"
        aria-label="Storage that is used"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        aria-valuetext={`${formatBytes(usedBytes)}${of} used, ${formatBytes(freeBytes)} left`}
      >
        <div style={{ width: `${Math.max(share * 100, usedBytes > 0 ? 1 : 0)}%` }} />
      </div>
      <span className="number">
        {isFull && <Icon name="warning" size={14} />} {formatBytes(usedBytes)}
        {of} used in {plural(files, 'file')}, {formatBytes(freeBytes)} left
      </span>
    </div>
  )
}
