import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { standInApp } from '../testing/stand-in-app.ts'
import { loadConsole } from './console.ts'

const script = `console.log(1)\n`.repeat(500)
const unbuilt = { html: '<p>not built', contentSecurityPolicy: "default-src 'none'" }
const page = { accept: 'text/html,application/xhtml+xml' }

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nabla-console-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
})

function build(index = '<!doctype html><html><head></head><body></body></html>') {
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), index)
  writeFileSync(join(folder, 'assets', 'main-abc123.js'), script)
  writeFileSync(join(folder, 'assets', 'inter-abc123.woff2'), 'font')
  writeFileSync(join(folder, 'icon.svg'), '<svg/>')
  symlinkSync('/etc/passwd', join(folder, 'link.json'))
  return serving()
}

const serving = () => standInApp({ pages: loadConsole([join(folder, 'nowhere'), folder], unbuilt) }).app

test('every address that is no file of the server is the page, with a nonce of its own', async () => {
  const app = build()
  const nonces = new Set<string>()
  for (const url of ['/', '/jobs/wiggly-river-42', '/index.html', '/projects?tag=a', '/sign-in', '/apiary']) {
    const { statusCode, headers, body } = await app.inject({ url, headers: page })
    expect([url, statusCode, headers['content-type']]).toEqual([url, 200, 'text/html; charset=utf-8'])
    const nonce = /<meta property="csp-nonce" content="([\w-]{22})" nonce="\1" \/>/.exec(body)?.[1]
    expect(nonce).toBeDefined()
    nonces.add(nonce!)
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; font-src 'self'; ` +
        "img-src 'self' data: blob: http://content.localhost; media-src 'self' blob: http://content.localhost; " +
        "connect-src 'self'; worker-src 'self'; manifest-src 'self'; frame-src http://content.localhost; " +
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    )
    expect(headers).toMatchObject({
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'permissions-policy': expect.stringContaining('camera=()') as string,
    })
  }
  expect(nonces.size).toBe(6)
})

test('who is signed in is read while the script is loaded, but by the page that signs in', async () => {
  const app = build()
  const linkOf = async (url: string, headers = {}) =>
    (await app.inject({ url, headers: { ...page, ...headers } })).headers['link']
  expect(await linkOf('/jobs', { cookie: 'a=b' })).toBe('</api/v1/me>; rel=preload; as=fetch; crossorigin')
  expect([await linkOf('/jobs'), await linkOf('/sign-in', { cookie: 'a=b' })]).toEqual([undefined, undefined])
})

test('a nonce stands wherever the page has room for it', async () => {
  const app = build('<head><meta property="csp-nonce" nonce="__CSP_NONCE__"><script nonce="__CSP_NONCE__"></script>')
  const { body } = await app.inject({ url: '/', headers: page })
  expect(body).toMatch(/^<head><meta property="csp-nonce" nonce="([\w-]{22})"><script nonce="\1"><\/script>$/)
})

test.each(['/api/v1/nothing', '/api', '/assets/none.js', '/docs/x', '/metrics/x', '/content/x/y', '/healthz/x'])(
  '%s is no page',
  async (url) => {
    const response = await build().inject({ url, headers: page })
    expect([response.statusCode, response.json<{ error: { code: string } }>().error.code]).toEqual([404, 'no_route'])
  },
)

test('a program that asks for what is not there is told so, and nothing is changed at a page', async () => {
  const app = build()
  expect((await app.inject({ url: '/nothing' })).json()).toMatchObject({ error: { code: 'no_route' } })
  expect((await app.inject({ url: '/link.json' })).json()).toMatchObject({ error: { code: 'no_route' } })
  expect((await app.inject({ url: '/%2e%2e/%2e%2e/etc/passwd' })).json()).toMatchObject({ error: { code: 'no_route' } })
  const posted = await app.inject({ method: 'POST', url: '/', headers: page, payload: {} })
  expect(posted.json()).toMatchObject({ error: { code: 'no_route' } })
})

test('files with a hash in their name are kept for good; all have a tag', async () => {
  const app = build()
  const { headers, body } = await app.inject('/assets/main-abc123.js')
  expect(body).toBe(script)
  expect(headers).toMatchObject({
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'accept-encoding',
  })
  expect(headers['content-encoding']).toBeUndefined()
  const again = await app.inject({
    url: '/assets/main-abc123.js',
    headers: { 'if-none-match': String(headers['etag']) },
  })
  expect([again.statusCode, again.body]).toEqual([304, ''])
  const icon = await app.inject('/icon.svg')
  expect(icon.headers).toMatchObject({ 'content-type': 'image/svg+xml', 'cache-control': 'no-cache' })
})

test('what is worth it is sent compressed, each way with a tag of its own', async () => {
  const app = build()
  const get = (encoding: string, url = '/assets/main-abc123.js') =>
    app.inject({ url, headers: { 'accept-encoding': encoding } })
  const [br, gzip] = [await get('gzip, deflate, br, zstd'), await get('gzip;q=0.5, br;q=0')]
  expect([br.headers['content-encoding'], gzip.headers['content-encoding']]).toEqual(['br', 'gzip'])
  expect(brotliDecompressSync(br.rawPayload).toString()).toBe(script)
  expect(gunzipSync(gzip.rawPayload).toString()).toBe(script)
  expect(br.headers['content-length']).toBe(String(br.rawPayload.length))
  expect(br.headers['etag']).not.toBe(gzip.headers['etag'])
  expect((await get('br', '/assets/inter-abc123.woff2')).headers['content-encoding']).toBeUndefined()
})

test('HEAD has the headers and no body', async () => {
  const app = build()
  const head = await app.inject({ method: 'HEAD', url: '/assets/main-abc123.js' })
  expect([head.statusCode, head.body, head.headers['content-length']]).toEqual([200, '', String(script.length)])
  const index = await app.inject({ method: 'HEAD', url: '/', headers: page })
  expect([index.statusCode, index.body]).toEqual([200, ''])
})

test('the name of another host gets no page either', async () => {
  const response = await build().inject({ url: '/', headers: { ...page, host: 'evil.example' } })
  expect(response.statusCode).toBe(421)
})

test('a console that is not built says so', async () => {
  const app = serving()
  const { body, headers } = await app.inject({ url: '/jobs', headers: page })
  expect([body, headers['content-security-policy']]).toEqual([unbuilt.html, unbuilt.contentSecurityPolicy])
  expect((await app.inject({ url: '/api/v1/nothing', headers: page })).statusCode).toBe(404)
})
