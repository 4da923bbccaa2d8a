import { ApiError } from '@nabla/api/client'
import type { Noun } from '@nabla/api'
import { useCallback, useRef, useState } from 'react'
import { queries } from '../api/query.ts'
import type { IconName } from './icon.tsx'
import { toast } from './toast.ts'

/** Something one can do, as menus, rows and the palette show it. */
export interface Action {
  label: string
  run: () => unknown
  icon?: IconName
  /** It destroys something. */
  danger?: boolean
  /** Why it cannot be done now; it is shown, and not run. */
  unavailable?: string | undefined
  /** The line of the CLI that does the same. */
  command?: string
}

export interface ActionOptions<Given, Result> {
  run: (given: Given) => Promise<Result>
  /** What to say when it is done; with `undo` where it can be taken back. */
  done?: (result: Result, given: Given) => string | { message: string; undo?: () => Promise<unknown> }
  /** Nouns whose lists and pages are read again. Live updates do that too, a moment later. */
  changes?: readonly Noun[]
  /** Shows the result before the server has answered; returns what takes that back. */
  optimistic?: (given: Given) => () => void
  /** The error is shown by the form itself: no toast. */
  quiet?: boolean
}

export interface RunningAction<Given, Result> {
  /** Resolves with the result, or undefined when it failed: the error has been shown by then. */
  run: (given: Given) => Promise<Result | undefined>
  pending: boolean
  error: ApiError | undefined
  reset: () => void
}

/** A change that is asked of the server: says what happened, with undo where there is one, or why it did not. */
export function useAction<Given, Result>(options: ActionOptions<Given, Result>): RunningAction<Given, Result> {
  const [pending, setPending] = useState(false)
  const [error, setError] = useState<ApiError>()
  const latest = useRef(options)
  latest.current = options
  const run = useCallback(async (given: Given) => {
    const { optimistic, done, changes = [], quiet } = latest.current
    setPending(true)
    setError(undefined)
    const takeBack = optimistic?.(given)
    try {
      const result = await latest.current.run(given)
      if (done) tell(done(result, given))
      for (const noun of changes) void queries.invalidateQueries({ queryKey: [noun] })
      return result
    } catch (thrown) {
      takeBack?.()
      const failure = toApiError(thrown)
      setError(failure)
      if (!quiet) toast(failure.message, { tone: 'failed', hint: failure.hint })
      return undefined
    } finally {
      setPending(false)
    }
  }, [])
  return { run, pending, error, reset: useCallback(() => setError(undefined), []) }
}

/** Any failure as one of the API, so that it can be shown. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown
  return new ApiError(0, { code: 'internal', message: String(thrown), hint: 'Reload the page and try again.' }, thrown)
}

function tell(said: string | { message: string; undo?: () => Promise<unknown> }): void {
  if (typeof said === 'string') {
    toast(said)
    return
  }
  const { message, undo } = said
  if (!undo) toast(message)
  else toast(message, { undo: () => void undo().catch((error: unknown) => tellFailure(error)) })
}

function tellFailure(error: unknown): void {
  const { message, hint } = toApiError(error)
  toast(message, { tone: 'failed', hint })
}
