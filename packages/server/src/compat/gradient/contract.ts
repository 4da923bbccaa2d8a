import { type Contract, contract, type Noun } from '@nabla/api'
import type { CallInput, RouteShape } from '@nabla/api/route'
import { z } from 'zod'
import type { Deps } from '../../deps.ts'
import { handlers } from '../../kinds/index.ts'
import type { ByteStream, EventStream } from '../../kinds/kind.ts'
import { AppError } from '../../lib/app-error.ts'
import type { CompatRequest } from '../site.ts'

type Answer<R extends RouteShape> = R['response'] extends z.ZodType
  ? z.output<R['response']>
  : R['response'] extends { stream: 'events' }
    ? EventStream
    : ByteStream

type Shape<N extends Noun, V extends keyof Contract[N]> = Contract[N][V] & RouteShape

/** Calls one route of the contract for whoever sent a request, with all its checks. */
export interface CallContract {
  <N extends Noun, V extends keyof Contract[N] & string>(
    noun: N,
    verb: V,
    input: CallInput<Shape<N, V>> & { headers?: Record<string, string>; signal?: AbortSignal; upload?: unknown },
  ): Promise<Answer<Shape<N, V>>>
}

type AnyHandler = (request: unknown, deps: Deps) => unknown

/**
 * What clients of Gradient ask for is done by the handlers of our own contract, so that the same is allowed, checked
 * and told as to everybody else. Throws AppError as the route does.
 */
export function callerOfContract(request: CompatRequest, deps: Deps): CallContract {
  return (async (noun: Noun, verb: string, input: Record<string, unknown>) => {
    const shape = (contract[noun] as Record<string, RouteShape>)[verb]!
    if (shape.access === 'admin' && request.caller.role !== 'admin') {
      throw new AppError('forbidden', { action: 'do this: it takes an admin of the team' })
    }
    const { body, upload, signal, headers, ...rest } = input
    const inPath = Object.keys(shape.params?.shape ?? {})
    const part = (wanted: boolean) =>
      Object.fromEntries(
        Object.entries(rest).filter(([name, value]) => inPath.includes(name) === wanted && value !== undefined),
      )
    const handler = (handlers[noun] as unknown as Record<string, AnyHandler>)[verb]!
    return handler(
      {
        params: parse(shape.params, part(true)),
        query: parse(shape.query, part(false)),
        body: shape.body instanceof z.ZodType ? parse(shape.body, withoutUndefined(body)) : undefined,
        upload,
        caller: request.caller,
        signal: signal ?? request.signal,
        headers: headers ?? {},
        address: '',
        origins: request.origins,
        answerHeaders: {},
        requestId: request.requestId,
      },
      deps,
    )
  }) as CallContract
}

function parse(schema: z.ZodType | undefined, value: unknown): unknown {
  if (!schema) return {}
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const parts = parsed.error.issues.slice(0, 3).map(({ path, message }) => {
    const name = path.map(String).join('.')
    return name === '' ? message : `${name}: ${message}`
  })
  throw new AppError('invalid', { detail: `This is not possible here: ${parts.join('; ')}.` })
}

/** Fields that were not given must not be there at all, so that they get their defaults. */
function withoutUndefined(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return body
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined))
}
