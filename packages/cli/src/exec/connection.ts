import { addressOf } from '@nabla/api/client'
import { readErrorBody } from '@nabla/api/error-body'
import type { ErrorBody } from '@nabla/api/errors'
import type { RouteShape } from '@nabla/api/route'
import type { WebSocket } from 'ws'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { exitReasonOf } from '../exit-codes.ts'

/** Opens a WebSocket of the API as the user of this command line. Throws CliError when the server says no. */
export async function openSocket(
  context: Context,
  shape: Pick<RouteShape, 'path'>,
  input: Record<string, unknown>,
): Promise<WebSocket> {
  const { url, key } = await context.target()
  const address = addressOf(url, shape, input)
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:'
  const headers = { 'user-agent': 'nabla-cli', ...(key !== undefined && { authorization: `Bearer ${key}` }) }
  // Loaded by those that open one: the commands of jobs start sooner without it.
  const ws = await import('ws')
  const socket = new ws.WebSocket(address, { headers, perMessageDeflate: false })
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket))
    socket.once('error', () => {
      const hint = 'Start one with `nabla up`, or name another with --url or `nabla login`.'
      reject(new CliError(`The server at ${url} does not answer.`, hint, 'unreachable'))
    })
    socket.once('unexpected-response', (_, response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.once('end', () => {
        reject(refusal(response.statusCode ?? 0, text))
        socket.on('error', () => {})
        socket.terminate()
      })
    })
  })
}

/** What the server said, as an error of this command line. */
export function toCliError(status: number, { message, hint }: ErrorBody['error']): CliError {
  return new CliError(message, hint, exitReasonOf(status))
}

function refusal(status: number, text: string): CliError {
  try {
    const body = readErrorBody(JSON.parse(text))
    if (body) return toCliError(status, body.error)
  } catch {
    // Not what a server of ours says.
  }
  return new CliError(`The server answered ${status}.`, 'Check that the address is that of a Nabla server.')
}
