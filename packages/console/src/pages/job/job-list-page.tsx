import { useNavigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { PageHeader } from '../../parts/page-header.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { JobList, NewJobButton } from './job-list.tsx'

/** All jobs of the team. */
export function JobListPage(): ReactNode {
  const navigate = useNavigate()
  usePaletteActions('Jobs', [
    {
      label: 'New job',
      icon: 'plus',
      command: 'run -- COMMAND',
      run: () => navigate({ to: '/jobs/new' }),
    },
  ])
  return (
    <>
      <PageHeader title="Jobs" actions={<NewJobButton />} />
      <JobList />
    </>
  )
}
