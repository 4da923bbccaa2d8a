import { Button, PasswordInput } from '@mantine/core'
import { contract } from '@nabla/api'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { useSchemaForm } from '../../parts/form.ts'
import { Panel } from '../../parts/page-header.tsx'
import { ErrorNote } from '../../parts/states.tsx'
import '@mantine/core/styles/PasswordInput.css'

/** Sets the first password, or changes it. All other browsers are signed out by that. */
export function PasswordForm({ name, hasPassword }: { name: string; hasPassword: boolean }): ReactNode {
  const form = useSchemaForm(contract.user.setPassword.body, {})
  const [again, setAgain] = useState('')
  const [tried, setTried] = useState(false)
  const differs = again !== (form.values.password ?? '')
  const save = useAction({
    run: () => client.user.setPassword({ body: form.output! }),
    done: () => 'The password is changed. All your other browsers are signed out.',
    changes: ['user', 'session'],
    quiet: true,
  })
  const submit = async () => {
    form.showAll()
    setTried(true)
    if (!form.output || differs || !(await save.run(undefined))) return
    form.reset({})
    setAgain('')
    setTried(false)
  }
  return (
    <Panel title="Password">
      <form
        className="stack settings-narrow"
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        <p className="muted">
          {hasPassword
            ? 'A new one signs out every other browser.'
            : 'You have none yet. With one you can sign in without a key.'}
        </p>
        <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />
        {hasPassword && (
          <PasswordInput
            label="Present password"
            {...form.text('current')}
            autoComplete="current-password"
            visibilityToggleButtonProps={{ 'aria-label': 'Show the present password' }}
          />
        )}
        <PasswordInput
          label="New password"
          description="At least 12 characters."
          {...form.text('password')}
          autoComplete="new-password"
          visibilityToggleButtonProps={{ 'aria-label': 'Show the new password' }}
        />
        <PasswordInput
          label="Once more"
          value={again}
          onChange={(event) => setAgain(event.currentTarget.value)}
          error={tried && differs ? 'The two are not the same.' : undefined}
          autoComplete="new-password"
          visibilityToggleButtonProps={{ 'aria-label': 'Show the repeated password' }}
        />
        <CommandLine line="user password" />
        <ErrorNote error={save.error} />
        <div>
          <Button type="submit" variant="filled" loading={save.pending}>
            {hasPassword ? 'Change password' : 'Set password'}
          </Button>
        </div>
      </form>
    </Panel>
  )
}
