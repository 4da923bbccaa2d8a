import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { errorCode } from '../lib/file-error.ts'
import { limits } from '../lib/limits.ts'

/** The web console, as it was built: its files, in memory. */
export interface Console {
  /** Answers a request for a page or a file of it; false if it is for neither. */
  serve(request: FastifyRequest, reply: FastifyReply): Promise<boolean>
}

/** A page that is complete in itself. */
export interface PlainPage {
  html: string
  contentSecurityPolicy: string
}

/**
 * Reads the console from the first of `folders` that has one. Without any, `unbuilt` stands in its place. Throws when
 * it is larger than a console can be.
 */
export function loadConsole(folders: readonly string[], unbuilt: PlainPage): Console {
  for (const folder of folders) {
    const files = readFiles(folder)
    const index = files.get('/index.html')
    if (index) return built(files, index.body.toString('utf8'))
  }
  return {
    async serve(request, reply) {
      if (!isPageRequest(request)) return false
      const { html, contentSecurityPolicy } = unbuilt
      await reply.type(htmlType).header('content-security-policy', contentSecurityPolicy).send(html)
      return true
    },
  }
}

interface BuiltFile {
  body: Buffer
  type: string
  /** SHA-256 of the body, the beginning of it. */
  digest: string
  /** Compressed once, when it is first asked for. */
  compressed: Map<string, Promise<Buffer>>
}

const htmlType = 'text/html; charset=utf-8'
const types: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.html': htmlType,
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
}
const worthCompressing = new Set(
  ['.js', '.css', '.json', '.map', '.webmanifest', '.svg', '.wasm'].map((end) => types[end]),
)

/** What the server itself answers: nothing below these is a page of the console. */
const notPages = /^\/(api|content|docs|assets|openapi\.json|metrics|healthz|readyz)(\/|$)/

function built(files: ReadonlyMap<string, BuiltFile>, index: string): Console {
  const first = [...files].filter(([path]) => index.includes(`"${path}"`)).map(([, file]) => file)
  return {
    async serve(request, reply) {
      if (request.method !== 'GET' && request.method !== 'HEAD') return false
      const path = pathOf(request)
      const file = path === '/index.html' ? undefined : files.get(path)
      if (file) {
        await sendFile(file, path.startsWith('/assets/'), request, reply)
        return true
      }
      if (!isPageRequest(request)) return false
      // Every page asks who one is first; the browser does so while it still loads the script. It would keep the answer
      // of the page that signs in, which is another one afterwards.
      if (request.headers.cookie !== undefined && path !== '/sign-in') void reply.header('link', whoAmI)
      // Begun before the browser asks, which is in a moment.
      for (const file of first) void encoded(file, request)
      await sendIndex(index, request, reply)
      return true
    },
  }
}

const whoAmI = '</api/v1/me>; rel=preload; as=fetch; crossorigin'

/** Every address is a page of the console, which says itself when there is nothing; but a program is told `no_route`. */
function isPageRequest(request: FastifyRequest): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false
  const path = pathOf(request)
  if (path === '/') return true
  return !notPages.test(path) && /\btext\/html\b/.test(request.headers.accept ?? '')
}

const pathOf = ({ url }: FastifyRequest): string => url.split('?', 1)[0] ?? ''

/**
 * The page that all of the console starts from. A nonce of its own lets its libraries write style sheets; no page
 * that somebody else got into it could know it.
 */
async function sendIndex(index: string, { origins }: FastifyRequest, reply: FastifyReply): Promise<void> {
  const nonce = randomBytes(16).toString('base64url')
  const marked = index.includes('property="csp-nonce"')
    ? index
    : index.replace('<head>', '<head>\n    <meta property="csp-nonce" content="__CSP_NONCE__" nonce="__CSP_NONCE__" />')
  const content = origins.content === null ? '' : ` ${origins.content}`
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "font-src 'self'",
    `img-src 'self' data: blob:${content}`,
    `media-src 'self' blob:${content}`,
    "connect-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    `frame-src${content || " 'none'"}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
  ]
  await reply
    .type(htmlType)
    .headers({ 'content-security-policy': policy.join('; '), 'cache-control': 'no-cache' })
    .send(marked.replaceAll('__CSP_NONCE__', nonce))
}

async function sendFile(
  file: BuiltFile,
  immutable: boolean,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { encoding, body: made } = encoded(file, request)
  const etag = `"${file.digest}${encoding ? `-${encoding}` : ''}"`
  void reply.type(file.type).headers({
    etag,
    vary: 'accept-encoding',
    // The name of what is below /assets/ holds a hash of it.
    'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    ...(encoding && { 'content-encoding': encoding }),
  })
  if (request.headers['if-none-match']?.includes(etag)) {
    await reply.code(304).send()
    return
  }
  const body = await made
  await reply.header('content-length', body.length).send(request.method === 'HEAD' ? undefined : body)
}

type Encoding = 'br' | 'gzip'

/** A file as this browser takes it. */
function encoded(
  file: BuiltFile,
  { headers }: FastifyRequest,
): { encoding?: Encoding; body: Buffer | Promise<Buffer> } {
  const encoding = worthCompressing.has(file.type) ? encodingFor(headers['accept-encoding']) : undefined
  return encoding ? { encoding, body: compressed(file, encoding) } : { body: file.body }
}

/** Brotli if the browser takes it, as all do over https and on this machine; else gzip. */
function encodingFor(accepted: string | string[] | undefined): Encoding | undefined {
  const offers = String(accepted ?? '')
    .toLowerCase()
    .split(',')
    .map((offer) => offer.trim())
    .filter((offer) => !/;\s*q=0(\.0*)?$/.test(offer))
    .map((offer) => offer.split(';', 1)[0])
  if (offers.includes('br')) return 'br'
  return offers.includes('gzip') ? 'gzip' : undefined
}

function compressed(file: BuiltFile, encoding: Encoding): Promise<Buffer> {
  let made = file.compressed.get(encoding)
  made ??= encoding === 'br' ? brotli(file.body) : promisify(gzip)(file.body, { level: 9 })
  file.compressed.set(encoding, made)
  return made
}

/** Quality 9: within a few percent of the best, which would take ten times as long. */
const brotli = (body: Buffer): Promise<Buffer> =>
  promisify(brotliCompress)(body, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: body.length },
  })

/** Every file in a folder by its path in an address; none if the folder is not there. */
function readFiles(folder: string): Map<string, BuiltFile> {
  const files = new Map<string, BuiltFile>()
  let bytes = 0
  for (const entry of entriesOf(folder)) {
    if (!entry.isFile()) continue
    const place = join(entry.parentPath, entry.name)
    const body = readFileSync(place)
    bytes += body.length
    if (files.size >= limits.consoleFiles || bytes > limits.consoleBytes) {
      throw new Error(`the console in ${folder} is larger than it can be; build it again`)
    }
    files.set(`/${relative(folder, place).split(sep).join('/')}`, {
      body,
      type: types[extname(entry.name)] ?? 'application/octet-stream',
      digest: createHash('sha256').update(body).digest('hex').slice(0, 32),
      compressed: new Map(),
    })
  }
  return files
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
}
