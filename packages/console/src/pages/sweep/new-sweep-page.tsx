import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { Loaded } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { SweepForm } from './sweep-form.tsx'

/** Makes a sweep; with `?from=ID` one like another, with `warm=1` one that begins with what that one found. */
export function NewSweepPage(): ReactNode {
  const [from] = useUrlState('from')
  const [warm] = useUrlState('warm')
  return from === '' ? <SweepForm /> : <Clone key={`${from} ${warm}`} sweep={from} warm={warm !== ''} />
}

function Clone({ sweep, warm }: { sweep: string; warm: boolean }): ReactNode {
  const query = useApi('experiment', 'show', { experiment: sweep })
  return <Loaded query={query}>{(original) => <SweepForm clone={original} warm={warm} />}</Loaded>
}
