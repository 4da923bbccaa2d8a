import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { Loaded } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { DeploymentForm } from './deployment-form.tsx'

/** Makes a deployment; with `?change=ID` it changes one, with `?model=NAME` it serves that model. */
export function NewDeploymentPage(): ReactNode {
  const [change] = useUrlState('change')
  return change === '' ? <DeploymentForm /> : <Change key={change} deployment={change} />
}

function Change({ deployment }: { deployment: string }): ReactNode {
  const query = useApi('deployment', 'show', { deployment })
  return <Loaded query={query}>{(known) => <DeploymentForm key={known.id} known={known} />}</Loaded>
}
