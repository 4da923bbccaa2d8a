import { Button, PasswordInput, TextInput, UnstyledButton } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { ApiError } from '@nabla/api/client'
import { type Credentials, signIn } from '../api/session.ts'
import { useAction } from '../parts/action.ts'
import { ErrorNote } from '../parts/states.tsx'
import '@mantine/core/styles/PasswordInput.css'

/** By API key, or by name and password. `onDone` is called once the browser has its session. */
export function SignInForm({ onDone }: { onDone: () => void }): ReactNode {
  const [way, setWay] = useState<'key' | 'password'>('key')
  const [key, setKey] = useState('')
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const enter = useAction({
    run: async (given: Credentials) => {
      await signIn(given)
      return true
    },
    quiet: true,
  })
  const ready = way === 'key' ? key.trim() !== '' : name !== '' && password !== ''
  const go = async (event: React.FormEvent) => {
    event.preventDefault()
    const given = way === 'key' ? { key: key.trim() } : { name, password }
    if (ready && (await enter.run(given))) onDone()
  }
  const other = () => {
    enter.reset()
    setWay(way === 'key' ? 'password' : 'key')
  }
  return (
    <form className="stack" onSubmit={(event) => void go(event)}>
      {way === 'key' ? (
        <PasswordInput
          size="sm"
          label="API key"
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
          autoComplete="off"
          data-autofocus
          visibilityToggleButtonProps={{ 'aria-label': 'Show the key' }}
        />
      ) : (
        <>
          <TextInput
            size="sm"
            label="Name"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            autoComplete="username"
            data-autofocus
          />
          <PasswordInput
            size="sm"
            label="Password"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            autoComplete="current-password"
            visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
          />
        </>
      )}
      <ErrorNote error={enter.error && inBrowser(enter.error)} />
      <Button type="submit" size="sm" variant="filled" disabled={!ready} loading={enter.pending} fullWidth>
        Sign in
      </Button>
      <UnstyledButton className="link-button" onClick={other}>
        {way === 'key' ? 'Use name and password' : 'Use an API key'}
      </UnstyledButton>
    </form>
  )
}

/** The hint of the server is for the command line. */
function inBrowser(error: ApiError): ApiError {
  if (error.code !== 'unauthenticated') return error
  const hint = 'Ask an admin for one, or run `nabla up --new-key` on the machine of the server.'
  const { status, code, requestId = '' } = error
  return new ApiError(status, { code, message: 'This key is not valid here.', hint, requestId }, error)
}
