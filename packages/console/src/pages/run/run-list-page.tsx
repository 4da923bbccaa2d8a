import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { Icon } from '../../parts/icon.tsx'
import { PageHeader } from '../../parts/page-header.tsx'
import { NoRuns } from './no-runs.tsx'
import { RunViews } from './run-views.tsx'

/** All runs of the team. */
export function RunListPage(): ReactNode {
  return (
    <>
      <PageHeader
        title="Runs"
        crumbs={crumbs}
        actions={
          <Button component={Link} to="/tensorboards" leftSection={<Icon name="chart" size={14} />}>
            TensorBoards
          </Button>
        }
      />
      <RunViews place={everywhere} empty={<NoRuns />} />
    </>
  )
}

const crumbs = [{ label: 'Experiments', to: '/experiments' }]
const everywhere = {}
