import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { CompatRequest, CompatRoute, CompatSite } from '../compat/site.ts'
import { AppError } from '../lib/app-error.ts'
import { type Binding, check, refuseNul } from './bind.ts'
import { openUpload, readJson } from './body.ts'
import { sendUserBytes } from './bytes.ts'
import { compatBodyLimit } from './compat.ts'
import { openSocket } from './sockets.ts'

/** Registers the routes of every site, beside those of the contract. */
export function bindCompat(app: FastifyInstance, sites: readonly CompatSite[], binding: Binding): void {
  app.decorate('compatSites', sites)
  for (const site of sites) {
    for (const route of site.routes) {
      app.route({
        method: route.method === 'GET' ? ['GET', 'HEAD'] : route.method,
        url: route.path,
        config: { compat: { site, route } },
        handler: (request, reply) => serve(route, request, reply, binding),
      })
    }
  }
}

async function serve(route: CompatRoute, request: FastifyRequest, reply: FastifyReply, binding: Binding) {
  refuseNul(request)
  const { signal, close } = binding.lifetimes.open(reply.raw)
  try {
    const answer = await route.handler(await toRequest(route, request, signal, binding), binding.deps)
    if ('file' in answer) {
      try {
        await sendUserBytes(answer.file, request, reply)
      } finally {
        if (typeof answer.file.body !== 'string') answer.file.body.destroy()
      }
    } else if ('open' in answer) {
      await openSocket(request, reply, { signal, clock: binding.deps.clock }, (socket) => answer.open(socket))
    } else {
      await reply
        .code(answer.status ?? 200)
        .headers(answer.headers ?? {})
        .type('application/json; charset=utf-8')
        .send(JSON.stringify(answer.json))
    }
  } finally {
    close()
  }
  return reply
}

async function toRequest(
  route: CompatRoute,
  request: FastifyRequest,
  signal: AbortSignal,
  { bounds, deps }: Binding,
): Promise<CompatRequest> {
  const limit = compatBodyLimit(route, bounds)
  const given = async () => {
    if (route.bytes || (route.method === 'GET' && !route.bodyToo)) return request.query
    const body = await readJson(request.raw, { ...bounds, jsonBodyBytes: limit }, deps.clock)
    refuseNulIn(body)
    return route.bodyToo ? { ...(request.query as object), ...(body as object) } : body
  }
  const where = route.bytes || route.method === 'GET' ? 'The query' : 'The body'
  return {
    caller: request.caller!,
    params: request.params as Record<string, string>,
    input: check(where, route.input ?? z.unknown(), await given()),
    upload: route.bytes ? openUpload(request.raw, limit) : (undefined as never),
    signal,
    headers: request.headers,
    origins: request.origins,
    requestId: request.id,
  }
}

/** PostgreSQL takes no text with a NUL; our own contract says so field by field. */
function refuseNulIn(value: unknown): void {
  if (typeof value === 'string') {
    if (value.includes('\0')) throw new AppError('invalid', { detail: 'The body holds a NUL character (\\u0000).' })
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, part] of Object.entries(value)) {
      refuseNulIn(name)
      refuseNulIn(part)
    }
  }
}
