import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { type Crumb, PageHeader, type PageHeaderProps } from '../../parts/page-header.tsx'
import './data-header.css'

const places = [
  { id: 'storage', label: 'Storage', to: '/data/storage' },
  { id: 'datasets', label: 'Datasets', to: '/data/datasets' },
] as const

/** Above the pages of `Data`: which of its two halves one is in. */
export function DataHeader(
  props: PageHeaderProps & { place: 'storage' | 'datasets'; above?: readonly Crumb[] },
): ReactNode {
  const { place, above = [], ...header } = props
  return (
    <>
      <nav className="data-places" aria-label="Data">
        {places.map(({ id, label, to }) => (
          <Link key={id} to={to as never} className="data-place" aria-current={id === place ? 'page' : undefined}>
            {label}
          </Link>
        ))}
      </nav>
      <PageHeader {...header} crumbs={above} />
    </>
  )
}
