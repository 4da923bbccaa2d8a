import { request } from 'node:http'
import { limits } from '../lib/limits.ts'
import type { Json } from './outputs.ts'

/** Where a Jupyter server answers. */
export interface JupyterPlace {
  host: string
  port: number
  /** Sent with each request: its token. */
  headers: Readonly<Record<string, string>>
  /** In front of every path, without a slash at its end. */
  prefix: string
}

/** Jupyter refused, or said something that is not understood. */
export class JupyterError extends Error {
  readonly status: number

  constructor(status: number, what: string) {
    super(`Jupyter answered ${status} to ${what}`)
    this.status = status
  }
}

/**
 * Asks the REST API of a Jupyter server:
 * https://jupyter-server.readthedocs.io/en/latest/developers/rest-api.html. `path` is below `/api/`. Throws
 * JupyterError, or the error of the connection.
 */
export function ask(place: JupyterPlace, method: 'GET' | 'PUT', path: string, body?: unknown): Promise<unknown> {
  const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
  return new Promise((resolve, reject) => {
    const asking = request({
      host: place.host,
      port: place.port,
      method,
      path: `${place.prefix}/api/${path}`,
      headers: {
        ...place.headers,
        accept: 'application/json',
        ...(sent ? { 'content-type': 'application/json', 'content-length': sent.length } : {}),
      },
      agent: false,
      signal: AbortSignal.timeout(limits.jupyterRequestMs),
    })
    asking.once('error', reject)
    asking.once('response', (answer) => {
      const chunks: Buffer[] = []
      let size = 0
      answer.once('error', reject)
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length
        chunks.push(chunk)
        if (size > limits.jupyterAnswerBytes) answer.destroy(new Error('Jupyter answered with more than is taken'))
      })
      answer.once('end', () => {
        const status = answer.statusCode ?? 0
        if (status >= 300) reject(new JupyterError(status, `${method} ${path}`))
        else resolve(jsonOf(Buffer.concat(chunks), status, path, reject))
      })
    })
    asking.end(sent)
  })
}

/** Path of a file for the API of contents: parts are encoded, slashes are not. */
export const contentsPath = (path: string): string => `contents/${path.split('/').map(encodeURIComponent).join('/')}`

/** A file as the API of contents answers it. */
export interface Contents {
  type: string
  size: number | null
  last_modified: string
  content: Json | null
}

function jsonOf(bytes: Buffer, status: number, path: string, reject: (error: Error) => void): unknown {
  try {
    return JSON.parse(bytes.toString() || 'null')
  } catch {
    reject(new JupyterError(status, `${path} with what is no JSON`))
    return undefined
  }
}
