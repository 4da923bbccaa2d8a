import type { z } from 'zod'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import type { CompatAnswer, CompatRequest, CompatRoute } from '../site.ts'
import { type CallContract, callerOfContract } from './contract.ts'

/** One request of an old client. */
export interface Exchange<Input = unknown> extends CompatRequest<Input> {
  call: CallContract
  deps: Deps
}

type Handler<Schema extends z.ZodType> = (exchange: Exchange<z.output<Schema>>) => Promise<unknown>

/**
 * A route of the old clients, below `/gradient`: with and without a slash at its end, since they write both and must
 * not be redirected. The input is the query and the JSON body in one: they send bodies with GET as well.
 */
export function gradientRoute<Schema extends z.ZodType>(
  method: CompatRoute['method'],
  path: `/${string}`,
  input: Schema,
  handler: Handler<Schema>,
): CompatRoute[] {
  return bothSpellings({
    method,
    path,
    input,
    bodyToo: true,
    handler: async (request, deps) => ({ json: await handler(exchangeOf<z.output<Schema>>(request, deps)) }),
  })
}

/** The same for bodies that are not JSON, and for answers that are not; the input is the query. */
export function gradientBytes<Schema extends z.ZodType>(
  route: Pick<CompatRoute, 'method' | 'path' | 'bytes' | 'maxBodyBytes'> & { input: Schema },
  handler: (exchange: Exchange<z.output<Schema>>) => Promise<CompatAnswer>,
): CompatRoute[] {
  return bothSpellings({
    ...route,
    handler: (request, deps) => handler(exchangeOf<z.output<Schema>>(request, deps)),
  })
}

function bothSpellings(route: CompatRoute): CompatRoute[] {
  const path = `/gradient${route.path}` as const
  return path.endsWith('*') ? [{ ...route, path }] : [path, `${path}/` as const].map((one) => ({ ...route, path: one }))
}

function exchangeOf<Input>(request: CompatRequest, deps: Deps): Exchange<Input> {
  // The key of a job is for tracking, and Pushgateway is how old programs do that.
  if (request.caller.jobId !== undefined) throw new AppError('forbidden', { action: 'do this with the key of a job' })
  return { ...(request as CompatRequest<Input>), deps, call: callerOfContract(request, deps) }
}
