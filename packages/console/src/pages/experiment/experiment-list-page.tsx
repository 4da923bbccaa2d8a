import { Button } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { Icon } from '../../parts/icon.tsx'
import { PageHeader } from '../../parts/page-header.tsx'
import { ExperimentList, NewExperimentButton } from './experiment-list.tsx'

/** All experiments of the team. */
export function ExperimentListPage(): ReactNode {
  const navigate = useNavigate()
  return (
    <>
      <PageHeader
        title="Experiments"
        actions={
          <>
            <Button leftSection={<Icon name="chart" size={14} />} onClick={() => void navigate({ to: '/runs' })}>
              All runs
            </Button>
            <Button leftSection={<Icon name="search" size={14} />} onClick={() => void navigate({ to: '/sweeps' })}>
              Sweeps
            </Button>
            <NewExperimentButton />
          </>
        }
      />
      <ExperimentList />
    </>
  )
}
