import type { ReactNode } from 'react'
import { PageHeader } from '../../parts/page-header.tsx'
import { NoRuns } from './no-runs.tsx'
import { RunViews } from './run-views.tsx'

/** All runs of the team. */
export function RunListPage(): ReactNode {
  return (
    <>
      <PageHeader title="Runs" crumbs={crumbs} />
      <RunViews place={everywhere} empty={<NoRuns />} />
    </>
  )
}

const crumbs = [{ label: 'Experiments', to: '/experiments' }]
const everywhere = {}
