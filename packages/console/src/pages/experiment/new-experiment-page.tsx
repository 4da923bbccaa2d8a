import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { Loaded } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { ExperimentForm } from './experiment-form.tsx'

/** Makes an experiment; with `?from=ID` one like another, with changes. */
export function NewExperimentPage(): ReactNode {
  const [from] = useUrlState('from')
  return from === '' ? <ExperimentForm /> : <Clone key={from} experiment={from} />
}

function Clone({ experiment }: { experiment: string }): ReactNode {
  const query = useApi('experiment', 'show', { experiment })
  return <Loaded query={query}>{(original) => <ExperimentForm clone={original} />}</Loaded>
}
