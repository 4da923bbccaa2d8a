import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { EmptyState, ErrorState } from '../parts/states.tsx'

/** A page that broke, or could not be fetched: the bars around it stay. */
export function ErrorPage({ error, reset }: { error: Error; reset: () => void }): ReactNode {
  return (
    <main>
      <ErrorState error={error} onRetry={reset} />
    </main>
  )
}

export function MissingPage(): ReactNode {
  return (
    <EmptyState title="There is no page at this address.">
      It may have moved, or what it showed was deleted. <Link to="/">Go home</Link>
    </EmptyState>
  )
}
