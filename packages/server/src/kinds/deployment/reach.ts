import { AppError } from '../../lib/app-error.ts'
import type { Handlers } from '../kind.ts'
import { labelOf, openServedLink } from '../served.ts'
import { findDeployment } from './view.ts'

/** What reaches the instances of a deployment: a browser, and a form that sends one request. */
export const deploymentReachHandlers: Pick<Handlers<'deployment'>, 'open' | 'send'> = {
  async open({ caller, params, body, origins }, deps) {
    const row = await findDeployment(deps, caller, params.deployment)
    return openServedLink(deps, { caller, origins }, labelOf(row.id), body.path)
  },

  async send({ caller, params, body, origins, signal }, deps) {
    const row = await findDeployment(deps, caller, params.deployment)
    const curl = curlOf(`${origins.own}/serve/${row.name}`, body)
    const began = deps.clock.steady()
    const answer = await deps.gateway.send(row.id, body, signal).catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error
      const { code, message, hint, status } = error
      const text = JSON.stringify({ error: { code, message, hint } })
      return { status, headers: {}, body: text, truncated: false, revision: null }
    })
    return { ...answer, durationMs: Math.round((deps.clock.steady() - began) * 100) / 100, curl }
  },
}

interface Sent {
  method: string
  path: string
  headers: Record<string, string>
  body: string | null
}

/** A command line that sends the same, for a shell. Pure. */
export function curlOf(base: string, { method, path, headers, body }: Sent): string {
  const url = quote(base.replaceAll(' ', '%20') + path)
  const parts = ['curl', ...(method === (body === null ? 'GET' : 'POST') ? [] : ['-X', method]), url]
  parts.push('-H', '"Authorization: Bearer $NABLA_API_KEY"')
  for (const [name, value] of Object.entries(headers)) parts.push('-H', quote(`${name}: ${value}`))
  if (body !== null) parts.push('--data-binary', quote(body))
  return parts.join(' ')
}

const quote = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
