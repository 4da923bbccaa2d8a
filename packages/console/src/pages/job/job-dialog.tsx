import { lazy, type ReactNode, Suspense } from 'react'
import type { AskedOfJobs } from './job-actions.ts'

const JobDialogs = lazy(() => import('./job-dialogs.tsx').then(({ JobDialogs }) => ({ default: JobDialogs })))

/** Asks before jobs are stopped, deleted or tagged; loaded when it is first asked. `onDone` is called when all went well. */
export function JobDialog(props: {
  asked: AskedOfJobs | undefined
  onClose: () => void
  onDone?: () => void
}): ReactNode {
  const { asked, ...rest } = props
  return <Suspense>{asked && <JobDialogs asked={asked} {...rest} />}</Suspense>
}
