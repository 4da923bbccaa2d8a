import { ApiError } from '@nabla/api/client'
import { readErrorBody } from '@nabla/api/error-body'
import type { ErrorBody } from '@nabla/api/errors'

/** What a person signs in with. */
export type Credentials = { key: string } | { code: string } | { name: string; password: string }

type Listener = () => void

let ended = false
let waiting: (() => void)[] = []
const listeners = new Set<Listener>()

/** Whether the session has ended while the page was in use, so that one has to sign in again. */
export function sessionEnded(): boolean {
  return ended
}

/** Calls back when `sessionEnded` changes; returns what ends that. */
export function onSessionChange(listener: Listener): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** Shows the sign-in over the page, and resolves once somebody has signed in: what they typed stays where it is. */
export function signedInAgain(): Promise<void> {
  ended = true
  tell()
  return new Promise((resolve) => waiting.push(resolve))
}

/** Whether the server says that nobody is signed in, in an answer or at the end of a stream. */
export function isSignedOut(error: unknown): boolean {
  return (
    error instanceof ApiError && (error.status === 401 || ['session_ended', 'unauthenticated'].includes(error.code))
  )
}

/** Makes a session; the browser keeps its cookie. Throws `ApiError`. */
export async function signIn(credentials: Credentials): Promise<void> {
  await post('POST', '/api/v1/sessions', credentials)
  ended = false
  for (const go of waiting.splice(0)) go()
  tell()
}

/** Whether this browser has a session that is good. */
export async function isSignedIn(): Promise<boolean> {
  return (await fetch('/api/v1/me')).ok
}

/** Ends the session of this browser. Throws `ApiError`. */
export async function signOut(): Promise<void> {
  await post('DELETE', '/api/v1/sessions/current')
  waiting = []
}

/** From here on the session acts in another of one's teams. Throws `ApiError`. */
export async function switchTeam(team: string): Promise<void> {
  await post('POST', '/api/v1/sessions/current/team', { team })
}

function tell(): void {
  for (const listener of listeners) listener()
}

async function post(method: string, path: string, body?: unknown): Promise<void> {
  const init: RequestInit = { method }
  if (body !== undefined) {
    init.headers = { 'content-type': 'application/json' }
    init.body = JSON.stringify(body)
  }
  const response = await fetch(path, init)
  if (response.ok) return
  const refusal = readErrorBody(await response.json().catch(() => undefined))
  throw new ApiError(response.status, refusal ? refusal.error : notUnderstood(response.status))
}

function notUnderstood(status: number): ErrorBody['error'] {
  return { code: 'internal', message: `The server answered ${status}.`, hint: 'Try again in a moment.' }
}
