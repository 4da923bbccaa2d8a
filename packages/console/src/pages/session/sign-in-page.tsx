import { useRouter } from '@tanstack/react-router'
import { type ReactNode, useEffect, useRef } from 'react'
import { queries } from '../../api/query.ts'
import { type Credentials, isSignedIn, signIn } from '../../api/session.ts'
import { useAction } from '../../parts/action.ts'
import { ErrorNote } from '../../parts/states.tsx'
import { useUrlSearch } from '../../parts/url-state.ts'
import { SignInForm } from '../../shell/sign-in-form.tsx'
import './sign-in-page.css'

/** Where one comes in. A link with `#key=…` or `#code=…` signs in by itself; afterwards one is where one wanted to go. */
export function SignInPage(): ReactNode {
  const router = useRouter()
  const { next } = useUrlSearch()
  const land = () => {
    queries.clear()
    // Only an address of this console: `//elsewhere` would lead away from it.
    const wanted = typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : '/'
    void router.navigate({ href: wanted, replace: true })
  }
  const link = useAction({ run: (given: Credentials) => signIn(given).then(() => true), quiet: true })
  const tried = useRef(false)
  useEffect(() => {
    document.title = 'Sign in · Nabla'
    const hash = new URLSearchParams(window.location.hash.slice(1))
    const [key, code] = [hash.get('key'), hash.get('code')]
    if ((key ?? code) === null || tried.current) return
    tried.current = true
    // The key must not stay in the address, nor in the history.
    window.history.replaceState(null, '', window.location.pathname + window.location.search)
    void link.run(code === null ? { key: key ?? '' } : { code }).then(async (done) => {
      // A link that was used already does no harm to who is signed in by it.
      if (done ?? (await isSignedIn())) land()
    })
  }, [])
  return (
    <main className="sign-in">
      <div className="sign-in-box">
        <svg viewBox="0 0 16 16" width="36" height="36" aria-hidden="true" className="sign-in-mark">
          <path d="M2.2 3h11.6L8 13.4Z" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinejoin="round" />
        </svg>
        <h1>Sign in to Nabla</h1>
        <ErrorNote error={link.error} />
        {link.pending ? <p className="muted">Signing in…</p> : <SignInForm onDone={land} />}
        <p className="faint">
          Where you use the command line, <code>nabla open</code> opens this page signed in.
        </p>
      </div>
    </main>
  )
}
