import type { ReactNode } from 'react'
import { PageHeader } from '../../parts/page-header.tsx'
import { DeploymentList, NewDeploymentButton } from './deployment-list.tsx'

/** All deployments of the team. */
export function DeploymentListPage(): ReactNode {
  return (
    <>
      <PageHeader title="Deployments" actions={<NewDeploymentButton />} />
      <DeploymentList />
    </>
  )
}
