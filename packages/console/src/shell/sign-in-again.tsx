import type { ReactNode } from 'react'
import { queries } from '../api/query.ts'
import { Dialog } from '../parts/dialog.tsx'
import { SignInForm } from './sign-in-form.tsx'

/** Over the page when the session has ended: what was typed there is still there afterwards. */
export function SignInAgain(): ReactNode {
  return (
    <Dialog title="Sign in again" onClose={() => undefined} size={360} mustAnswer>
      <div className="stack">
        <p className="muted">Your session has ended. What you were doing goes on after you sign in.</p>
        <SignInForm onDone={() => void queries.invalidateQueries()} />
      </div>
    </Dialog>
  )
}
