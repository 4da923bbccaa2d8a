import { Modal } from '@mantine/core'
import type { ReactNode } from 'react'
import { queries } from '../api/query.ts'
import { SignInForm } from './sign-in-form.tsx'

/** Over the page when the session has ended: what was typed there is still there afterwards. */
export function SignInAgain(): ReactNode {
  return (
    <Modal
      opened
      onClose={() => undefined}
      withCloseButton={false}
      closeOnEscape={false}
      title="Sign in again"
      size={360}
    >
      <div className="stack">
        <p className="muted">Your session has ended. What you were doing goes on after you sign in.</p>
        <SignInForm onDone={() => void queries.invalidateQueries()} />
      </div>
    </Modal>
  )
}
