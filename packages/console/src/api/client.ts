import { calls, type CallShape } from '@nabla/api/calls'
import { ApiError, type CallOptions, type Client, createClient } from '@nabla/api/client'
import { signedInAgain } from './session.ts'

/** Calls the server as it answers: a session that has ended is an error. For what must not wait for a sign-in. */
export const plainClient: Client = createClient({ url: globalThis.location?.origin ?? 'http://localhost' })

/**
 * Calls the server. A call that is refused because the session has ended waits for a sign-in and is made again, so a
 * form that was filled in meanwhile is sent and not lost.
 */
export const client: Client = Object.fromEntries(
  Object.entries(calls).map(([noun, routes]) => [
    noun,
    Object.fromEntries(
      Object.entries(routes as Record<string, CallShape>).map(([verb, shape]) => [verb, patient(noun, verb, shape)]),
    ),
  ]),
) as Client

type AnyCall = (input?: unknown, options?: CallOptions) => unknown

function patient(noun: string, verb: string, shape: CallShape): AnyCall {
  const call = (plainClient as unknown as Record<string, Record<string, AnyCall>>)[noun]![verb]!
  if (shape.stream === 'events') return call
  return async (input, options) => {
    for (;;) {
      try {
        return await call(input, options)
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 401 || options?.signal?.aborted) throw error
        await signedInAgain()
      }
    }
  }
}
