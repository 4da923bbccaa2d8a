import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ByteStream } from '../kinds/kind.ts'

/**
 * Sends bytes that came from a user. Whatever they are, a browser must not take them for a page of this server: they
 * are always saved, never shown, and typed as plain text or as nothing in particular.
 */
export async function sendUserBytes(stream: ByteStream, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const isText = /^text\/plain\b/i.test(stream.contentType)
  void reply
    .headers(stream.headers ?? {})
    .type(isText ? 'text/plain; charset=utf-8' : 'application/octet-stream')
    .header('content-disposition', disposition('attachment', stream.fileName))
    .header('content-security-policy', "sandbox; default-src 'none'; frame-ancestors 'none'")
  await send(stream, request, reply)
}

/**
 * Sends bytes that came from a user for a browser to show, on the origin that is for nothing else. The sandbox takes
 * from a page its origin, its scripts, its forms and its way to other pages; the rest lets it load what stands
 * beside it. A type that browsers do not show is saved.
 */
export async function sendContent(
  stream: ByteStream,
  shownBy: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const shown = stream.contentType !== 'application/octet-stream'
  void reply
    .headers(stream.headers ?? {})
    .type(stream.contentType)
    .header('content-disposition', disposition(shown ? 'inline' : 'attachment', stream.fileName))
    .header(
      'content-security-policy',
      "sandbox; default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; font-src 'self'; " +
        `media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors ${shownBy}`,
    )
  await send(stream, request, reply)
}

/** Sends a page or a text of the server itself. */
export async function sendOwnText(stream: ByteStream, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  void reply.type(stream.contentType).headers(stream.headers ?? {})
  await send(stream, request, reply)
}

async function send(stream: ByteStream, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { body } = stream
  void reply.code(stream.status ?? 200)
  if (typeof body === 'string') {
    await reply.send(body)
    return
  }
  const length = contentLength(stream)
  if (length !== undefined) void reply.header('content-length', length)
  if (request.method === 'HEAD') body.destroy()
  else await readable(body)
  reply.hijack()
  reply.raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>)
  if (request.method === 'HEAD') reply.raw.end()
  else await pump(body, length, request, reply)
}

/** Waits for the first bytes, so that a file which cannot be read still gets a proper error. */
async function readable(body: Readable): Promise<void> {
  if (body.errored) throw body.errored
  if (!body.readableEnded && !body.destroyed) await once(body, 'readable')
}

/** A file that turns out shorter or longer than was announced must not look like a whole one: the response is cut. */
async function pump(
  body: Readable,
  length: number | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { raw } = reply
  let sent = 0
  body.on('data', (chunk: Buffer | string) => {
    sent += Buffer.byteLength(chunk)
    if (length !== undefined && sent > length) raw.destroy()
  })
  try {
    await pipeline(body, raw, { end: false })
    if (length !== undefined && sent !== length) {
      request.log.warn({ sent, length }, 'a file changed its size while it was sent')
      raw.destroy()
    } else raw.end()
  } catch (error) {
    if (raw.destroyed) request.log.debug({ sent }, 'the client left')
    else request.log.error({ err: error }, 'a file could not be read to its end')
    raw.destroy()
  }
}

/** `sizeBytes` is that of the whole file, so it says nothing of a part. */
function contentLength(stream: ByteStream): number | undefined {
  const own = stream.headers?.['content-length']
  if (own !== undefined) return Number(own)
  return (stream.status ?? 200) === 200 ? stream.sizeBytes : undefined
}

/** RFC 6266: a plain name for old clients, and the true one in UTF-8. */
function disposition(kind: 'inline' | 'attachment', fileName: string | undefined): string {
  if (fileName === undefined) return kind
  const name = fileName.toWellFormed().replaceAll(/[\u0000-\u001f\u007f]/g, '_')
  const plain = name.replaceAll(/[^\u0020-\u007e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(name).replaceAll(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`
}
