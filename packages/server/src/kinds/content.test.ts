import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test, vi } from 'vitest'
import { limits } from '../lib/limits.ts'
import { eachDatabase, type MakeDatabase } from '../testing/database.ts'
import { aCaller } from '../testing/fixtures.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

const script = `<script>fetch('/api/v1/me')</script>`
/** Files as somebody would write them who wants to run something, or to get out. */
const hostile: Record<string, string> = {
  'page.html': `<!doctype html><html><body onload="alert(1)">${script}<a href="/api/v1/me">x</a></body></html>`,
  'page.HTM': script,
  'picture.svg': `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">${script}</svg>`,
  'notebook.ipynb': '{"cells":[{"outputs":[{"data":{"text/html":"<script>alert(1)</script>"}}]}]}',
  'note.txt': script,
  'data.xhtml': `<html xmlns="http://www.w3.org/1999/xhtml">${script}</html>`,
  'program.js': 'alert(1)',
  nothing: script,
  'file.pdf': '%PDF-1.7',
}

interface Reply {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** Asks as a browser would that was told to go to `url`, whatever this machine makes of the name in it. */
async function get(server: TestServer, url: string, headers: Record<string, string> = {}): Promise<Reply> {
  const { host, pathname, search } = new URL(url)
  // As it stands in the address, `..` and all: `URL` would tidy it.
  const path =
    url.includes('%2e%2e') || url.includes('..') ? url.slice(url.indexOf(host) + host.length) : pathname + search
  const { port } = new URL(server.running().url)
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, headers: { host, ...headers }, agent: false })
    outgoing.on('error', reject)
    outgoing.on('response', (response) => {
      const { statusCode = 0, headers } = response
      text(response).then((body) => resolve({ status: statusCode, headers, body }), reject)
    })
    outgoing.end()
  })
}

const codeOf = ({ status, body }: Reply) => [status, (JSON.parse(body) as { error: { code: string } }).error.code]

async function withFiles(make: MakeDatabase, files: Record<string, string>): Promise<TestServer> {
  const server = await startTestServer(make)
  for (const [path, body] of Object.entries(files)) await server.client.storage.put({ path, body })
  return server
}

const open = async (server: TestServer, path: string) => (await server.client.storage.open({ body: { path } })).url

eachDatabase((make) => {
  describe('what is shown', () => {
    test.each([
      ['page.html', 'text/html; charset=utf-8', 'inline'],
      ['page.HTM', 'text/html; charset=utf-8', 'inline'],
      ['picture.svg', 'image/svg+xml', 'inline'],
      ['notebook.ipynb', 'text/plain; charset=utf-8', 'inline'],
      ['note.txt', 'text/plain; charset=utf-8', 'inline'],
      ['program.js', 'text/plain; charset=utf-8', 'inline'],
      ['data.xhtml', 'application/octet-stream', 'attachment'],
      ['nothing', 'application/octet-stream', 'attachment'],
      ['file.pdf', 'application/octet-stream', 'attachment'],
    ])('%s is %s, in a sandbox without script', async (name, type, disposition) => {
      const server = await withFiles(make, { [`a b/${name}`]: hostile[name]! })
      const reply = await get(server, await open(server, `a b/${name}`))
      expect(reply).toMatchObject({ status: 200, body: hostile[name] })
      const own = server.running().url
      expect(reply.headers).toMatchObject({
        'content-type': type,
        'content-disposition': `${disposition}; filename="${name}"; filename*=UTF-8''${name}`,
        'content-security-policy':
          "sandbox; default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; font-src 'self'; " +
          `media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors ${own}`,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'cross-origin',
        'cache-control': 'no-store',
      })
      expect(reply.headers['set-cookie']).toBeUndefined()
      expect(reply.headers['access-control-allow-origin']).toBeUndefined()
    })

    test('names with quotes, line breaks and letters of all kinds are carried, and break nothing', async () => {
      const names = [`"quoted" it's.txt`, '∇ グラフ 🔥.txt', '%2e%2e%2fx.txt', 'a;b=c,d.txt', '?#&.txt']
      const server = await withFiles(make, Object.fromEntries(names.map((name) => [name, name])))
      for (const name of names) {
        const reply = await get(server, await open(server, name))
        expect([reply.status, reply.body]).toEqual([200, name])
        expect(reply.headers['set-cookie']).toBeUndefined()
        const encoded = /filename\*=UTF-8''(.*)$/.exec(String(reply.headers['content-disposition']))?.[1]
        expect(decodeURIComponent(encoded!)).toBe(name.replaceAll(/[\r\n]/g, '_'))
      }
    })

    test('a name that breaks lines, which only a job can make, is not shown at all', async () => {
      const server = await withFiles(make, { 'a.txt': 'a' })
      const { volumes, db } = server.running().deps
      const { id } = await db.selectFrom('volumes').select('id').executeTakeFirstOrThrow()
      const name = 'x\r\nset-cookie: a=b.txt'
      writeFileSync(join(volumes.volumeDir(id), name), 'x')
      await expect(open(server, name)).rejects.toMatchObject({ code: 'bad_path' })
    })

    test('parts of a file, and a part that is not there', async () => {
      const server = await withFiles(make, { 'film.mp4': '0123456789' })
      const url = await open(server, 'film.mp4')
      const part = await get(server, url, { range: 'bytes=2-4' })
      expect(part).toMatchObject({ status: 206, body: '234', headers: { 'content-range': 'bytes 2-4/10' } })
      expect(codeOf(await get(server, url, { range: 'bytes=20-' }))).toEqual([416, 'bad_range'])
    })

    test('artifacts too, with what stands beside a page', async () => {
      const server = await startTestServer(make)
      const job = await server.client.job.create({ body: { command: 'true', project: 'p' } })
      const { volumes, db } = server.running().deps
      const { artifactsId } = await db.selectFrom('jobs').select('artifactsId').executeTakeFirstOrThrow()
      await volumes.createVolume(artifactsId)
      const root = volumes.volumeDir(artifactsId)
      mkdirSync(join(root, 'site'))
      for (const name of ['site/index.html', 'site/plot.png', 'secret.txt']) writeFileSync(join(root, name), name)
      const { url } = await server.client.artifact.open({ job: job.id, body: { path: 'site/index.html' } })
      expect((await get(server, url)).body).toBe('site/index.html')
      expect((await get(server, url.replace('index.html', 'plot.png'))).body).toBe('site/plot.png')
      expect(codeOf(await get(server, url.replace('site/index.html', 'secret.txt')))).toEqual([404, 'content_ended'])
      await server.untilState(job.id, 'succeeded')
      await server.client.job.delete({ job: job.id })
      await vi.waitFor(
        async () => {
          server.clock.advance(limits.sweepMs)
          expect((await get(server, url)).status).toBe(404)
        },
        { timeout: 15_000 },
      )
    })
  })

  describe('an address is of no use', () => {
    test('when it is too old, or changed', async () => {
      const server = await withFiles(make, { 'a.txt': 'a', 'b.txt': 'b', 'sub/c.txt': 'c' })
      const url = await open(server, 'a.txt')
      expect((await get(server, url)).body).toBe('a')
      expect(codeOf(await get(server, url.replace('a.txt', 'b.txt')))).toEqual([404, 'content_ended'])
      expect(codeOf(await get(server, url.replace('/content/', '/content/x')))).toEqual([404, 'content_ended'])
      const cut = new URL(url)
      cut.pathname = '/content/none/a.txt'
      expect(codeOf(await get(server, cut.href))).toEqual([404, 'content_ended'])
      server.clock.advance(limits.contentTicketMs)
      expect(codeOf(await get(server, url))).toEqual([404, 'content_ended'])
    })

    test('to leave the folder that it is for', async () => {
      const server = await withFiles(make, {
        'site/index.html': 'i',
        'site/x.png': 'x',
        'site-2/y.png': 'y',
        'z.png': 'z',
      })
      const page = await open(server, 'site/index.html')
      const at = (path: string) => page.replace('site/index.html', path)
      expect((await get(server, at('site/x.png'))).body).toBe('x')
      const out = [
        'z.png',
        'site-2/y.png',
        'site',
        '',
        '/etc/passwd',
        'site/../z.png',
        'site/%2e%2e/z.png',
        'site/..%2fz.png',
      ]
      const more = ['site/%2e%2e%2fz.png', 'site/..%5cz.png', 'site//../z.png', 'site/./../z.png', 'site/x.png%00.txt']
      for (const path of [...out, ...more]) {
        const { status, body } = await get(server, at(path))
        expect([path, status >= 400, body.includes('"error"')]).toEqual([path, true, true])
      }
    })

    test('to follow a link out of the tree', async () => {
      const server = await withFiles(make, { 'site/index.html': 'i' })
      const { volumes, db } = server.running().deps
      const { id } = await db
        .selectFrom('volumes')
        .select('id')
        .where('purpose', '=', 'storage')
        .executeTakeFirstOrThrow()
      symlinkSync('/etc/passwd', join(volumes.volumeDir(id), 'site', 'link.txt'))
      symlinkSync('/etc', join(volumes.volumeDir(id), 'site', 'etc'))
      const page = await open(server, 'site/index.html')
      for (const path of ['site/link.txt', 'site/etc/passwd']) {
        const { status, body } = await get(server, page.replace('site/index.html', path))
        expect([path, status >= 400, body.includes('root:')]).toEqual([path, true, false])
      }
    })

    test('for the files of another team', async () => {
      const server = await withFiles(make, { 'a.txt': 'a' })
      const { db } = server.running().deps
      const stranger = server.clientFor((await aCaller(db)).secret)
      await expect(stranger.storage.open({ body: { path: 'a.txt' } })).rejects.toMatchObject({ code: 'file_not_found' })
      await stranger.storage.put({ path: 'a.txt', body: 'theirs' })
      const { url } = await stranger.storage.open({ body: { path: 'a.txt' } })
      expect((await get(server, url)).body).toBe('theirs')
      // A ticket of one team for a volume that has gone over to another.
      const other = await aCaller(db)
      await db.updateTable('volumes').set({ teamId: other.teamId }).where('purpose', '=', 'storage').execute()
      expect(codeOf(await get(server, url))).toEqual([404, 'content_ended'])
    })

    test('at the address of the API; and the API is not found at that of the content', async () => {
      const server = await withFiles(make, { 'a.txt': 'a' })
      const url = await open(server, 'a.txt')
      const { origin, pathname } = new URL(url)
      const own = server.running().url
      expect(codeOf(await get(server, own + pathname, { accept: 'text/html' }))).toEqual([404, 'no_route'])
      const asAdmin = { authorization: `Bearer ${server.key}`, accept: 'text/html' }
      for (const path of ['/api/v1/me', '/', '/docs', '/healthz', '/metrics', '/sign-in', '/openapi.json']) {
        const reply = await get(server, origin + path, asAdmin)
        expect([path, ...codeOf(reply)]).toEqual([path, 404, 'no_route'])
        expect(reply.headers['content-security-policy']).toBe("sandbox; default-src 'none'; frame-ancestors 'none'")
      }
    })
  })

  test('a browser that has no way to another origin is told so', async () => {
    const server = await withFiles(make, { 'a.txt': 'a' })
    const options = { headers: { 'x-forwarded-proto': 'https' } }
    await expect(server.client.storage.open({ body: { path: 'a.txt' } }, options)).rejects.toMatchObject({
      status: 409,
      code: 'no_content_origin',
    })
  })

  test('a second port has what users made and nothing else', async () => {
    const server = await withFiles(make, { 'a.txt': 'a' })
    const { contentSite } = server.running().app
    await contentSite.listen({ host: '127.0.0.1', port: 0 })
    const { pathname } = new URL(await open(server, 'a.txt'))
    const base = `http://127.0.0.1:${contentSite.port()}`
    expect(await (await fetch(base + pathname)).text()).toBe('a')
    const asAdmin = { headers: { authorization: `Bearer ${server.key}` } }
    expect((await fetch(`${base}/api/v1/me`, asAdmin)).status).toBe(404)
    await server.restart()
    await expect(fetch(base + pathname)).rejects.toThrow('fetch failed')
  })
})
