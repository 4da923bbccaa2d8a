import { readdirSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { ApiError } from '@nabla/api/client'
import { describe, expect, test } from 'vitest'
import { makeTar, makeZip, type TarMember } from '../../packages/server/src/volumes/archive-bytes.ts'
import { ended, linesOf, run, useServerProcess } from './support/server-process.ts'

const MiB = 1024 * 1024
const server = useServerProcess({
  settings: {
    machineTypes: [
      { name: 'tiny', cpus: 1, memoryBytes: 64 * MiB },
      { name: 'small', cpus: 1, memoryBytes: 512 * MiB },
    ],
    defaultMachineType: 'small',
  },
})

/** Expects the server to say no in this way, with a hint. */
async function expectRefusal(answer: Promise<unknown>, status: number, code: string, words?: RegExp): Promise<void> {
  const error = await answer.then(
    () => expect.unreachable('it was accepted'),
    (error: unknown) => error,
  )
  if (!(error instanceof ApiError)) throw error
  expect({ status: error.status, code: error.code, message: error.message }).toMatchObject({ status, code })
  expect(error.hint.length).toBeGreaterThan(10)
  if (words) expect(`${error.message} ${error.hint}`).toMatch(words)
}

interface Answer {
  status: number
  error?: { code: string; message: string; hint: string }
  text: string
}

/** A request as it stands: nothing of the path is made tidy on the way. */
function raw(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<Answer> {
  const { hostname, port } = new URL(server().url)
  return new Promise((resolve, reject) => {
    const sent = request(
      { hostname, port, method, path, headers: { authorization: `Bearer ${server().key}`, ...headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const parsed = text.startsWith('{') ? (JSON.parse(text) as Pick<Answer, 'error'>) : {}
          resolve({ status: response.statusCode!, text, ...parsed })
        })
      },
    )
    sent.on('error', reject)
    if (body === undefined) sent.flushHeaders()
    else sent.end(body)
    if (body === undefined && method === 'GET') sent.end()
  })
}

const create = (body: object) => server().client.job.create({ body: { command: 'true', project: 'bad', ...body } })

/** Nothing half-made is left of what was refused. */
async function nothingMade(): Promise<void> {
  expect((await server().client.job.list({ name: 'refused' })).items).toEqual([])
  expect(readdirSync(join(server().data, 'volumes/.staging'))).toEqual([])
}

describe('a job that cannot be', () => {
  test.each([
    [
      'a machine type that is not there',
      { machineType: 'H100' },
      'unknown_machine_type',
      /H100.*small.*--machine-type/s,
    ],
    ['an image', { image: 'pytorch/pytorch:latest' }, 'image_not_supported', /--image/],
    ['a secret that is not there', { env: { TOKEN: 'secret:NO_SUCH' } }, 'unknown_secret', /nabla secret set NO_SUCH/],
    ['a field that is not there', { gpuCount: 4 }, 'invalid', /gpuCount/],
    ['no command', { command: '' }, 'invalid', /command/],
    ['a folder of the system as its place', { workingDir: '/usr/lib' }, 'bad_path', /\/usr\/lib/],
    ['a path with ..', { artifactsDir: '/data/../etc' }, 'invalid', /\.\./],
    ['a git address of another kind', { workspace: { from: 'git', url: 'file:///etc' } }, 'invalid', /file:/],
    [
      'a git address that is an option',
      { workspace: { from: 'git', url: '--upload-pack=touch /tmp/x' } },
      'invalid',
      /upload-pack/,
    ],
    ['a control character in its name', { name: 'refused\u0007' }, 'invalid', /name/],
    ['a line break in its name', { name: 'refused\nINFO: fine' }, 'invalid', /name/],
    ['a slash in its name', { name: 'refused/../x' }, 'invalid', /name/],
    ['a control character in the name of its project', { project: 'bad\u001b[31m' }, 'invalid', /project|name/],
    ['.. as its project', { project: '..' }, 'invalid', /project|name/],
    ['a variable with a bad name', { env: { 'A=B': '1' } }, 'invalid', /env/],
    ['a NUL in a variable', { env: { A: 'x\u0000y' } }, 'invalid', /env|A/],
    ['a NUL in its command', { command: 'echo \u0000' }, 'invalid', /command/],
  ])('%s', async (_, body, code, words) => {
    await expectRefusal(create({ name: 'refused', ...body }), 400, code, words)
    await nothingMade()
  })

  test('a workspace that is not there', async () => {
    const workspace = { from: 'upload', id: 'vo0000000000000000' }
    await expectRefusal(create({ name: 'refused', workspace }), 404, 'not_found', /workspace/)
    await nothingMade()
  })
})

describe('a job that fails', () => {
  test('a command that does not exist: 127, with its name', async () => {
    const job = await run(server(), 'pyton train.py')
    expect(job).toMatchObject({ state: 'failed', exitCode: 127 })
    expect(job.reason).toMatch(/pyton/)
    expect(await linesOf(server(), job.id, 'stderr')).toEqual([expect.stringContaining('pyton')])
  })

  test.skipIf(process.getuid?.() !== 0)('more memory than it has: 137, and says so (needs root)', async () => {
    const job = await run(server(), `python3 -c 'x = bytearray(400 * 2**20)'`, { machineType: 'tiny' })
    expect(job).toMatchObject({ state: 'failed', exitCode: 137 })
    expect(job.reason).toMatch(/memory.*larger machine type/)
  })

  test('a git server that is not there: says which', async () => {
    const job = await run(server(), 'true', { workspace: { from: 'git', url: 'http://127.0.0.1:9/none.git' } })
    expect(job).toMatchObject({ state: 'error', exitCode: null })
    expect(job.reason).toMatch(/127\.0\.0\.1:9/)
    await nothingMade()
  })
})

describe('a request that is too much', () => {
  test('a body that is too large is refused by its announcement', async () => {
    const headers = { 'content-type': 'application/json', 'content-length': String(50 * MiB) }
    const answer = await raw('POST', '/api/v1/jobs', headers)
    expect(answer).toMatchObject({
      status: 413,
      error: { code: 'body_too_large', hint: expect.stringContaining('storage') },
    })
  })

  test('a body that is too large and does not say so', async () => {
    const command = 'x'.repeat(2 * MiB)
    await expectRefusal(create({ name: 'refused', command }), 413, 'body_too_large', /storage/)
    await nothingMade()
  })

  test('an upload of 10 GB is refused before a byte of it is sent', async () => {
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(10 * 1024 * MiB) }
    const answer = await raw('POST', '/api/v1/workspaces', headers)
    expect(answer).toMatchObject({
      status: 413,
      error: { code: 'body_too_large', hint: expect.stringContaining('.nablaignore') },
    })
    await nothingMade()
  })

  test.each([
    ['no JSON', 'application/json', '{"command":'],
    ['another content type', 'text/xml', '<job/>'],
    ['a list', 'application/json', '[]'],
    ['a prototype', 'application/json', '{"__proto__":{"x":1},"command":"true","project":"p"}'],
  ])('%s', async (_, type, body) => {
    const answer = await raw('POST', '/api/v1/jobs', { 'content-type': type }, body)
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect(answer.error?.hint).toMatch(/\w/)
  })
})

describe('an archive', () => {
  const upload = (archive: Buffer) => server().client.workspace.upload({ body: new Uint8Array(archive) })
  const link = (path: string, target: string): TarMember => ({ path, type: '2', target })
  const file = (path: string): TarMember => ({ path, content: 'x' })

  test.each<[string, Buffer]>([
    ['a tar that leads out', makeTar([file('../../evil')])],
    ['a tar that leads out further in', makeTar([file('a/b/../../../evil')])],
    ['a tar with an absolute path', makeTar([file('/tmp/nabla-evil')])],
    ['a tar with a link out', makeTar([link('out', '/etc/passwd')])],
    ['a tar with a relative link out', makeTar([link('a/out', '../../etc')])],
    ['a tar that writes through a link', makeTar([link('dir', '..'), file('dir/evil')])],
    ['a tar with a hard link out', makeTar([{ path: 'hard', type: '1', target: '../../secret.key' }])],
    ['a tar with a device', makeTar([{ path: 'device', type: '3' }])],
    ['a tar with a NUL in a name', makeTar([file('ok')]).fill('a\0../b', 0, 6)],
    ['a zip that leads out', makeZip([{ path: '../../evil', content: 'x' }])],
    ['a zip that leads out with backslashes', makeZip([{ path: String.raw`..\..\evil`, content: 'x' }])],
    ['a zip with an absolute path', makeZip([{ path: '/tmp/nabla-evil', content: 'x' }])],
    ['a zip with a link out', makeZip([{ path: 'out', content: '/etc/passwd', mode: 0o120777 }])],
    ['what is no archive', Buffer.from('hello, this is a text\n'.repeat(100))],
    ['nothing', Buffer.alloc(0)],
    ['half a tar', makeTar([{ path: 'a', content: Buffer.alloc(5000, 1) }], { end: false }).subarray(0, 3000)],
  ])('%s is refused', async (name, archive) => {
    if (name.includes('NUL')) {
      // What follows a NUL in a name of a tar is no part of it.
      await expectRefusal(upload(archive), 400, 'bad_archive')
      return
    }
    await expectRefusal(upload(archive), 400, 'bad_archive')
    await nothingMade()
  })

  test.each<[string, Buffer]>([
    ['a tar.gz', gzipSync(makeTar([{ path: 'zeros', content: Buffer.alloc(200 * MiB) }]))],
    ['a zip', makeZip([{ path: 'zeros', content: Buffer.alloc(200 * MiB), deflate: true }])],
  ])('%s that is a bomb is refused', async (_, archive) => {
    expect(archive.length).toBeLessThan(MiB)
    await expectRefusal(upload(archive), 413, 'archive_too_large')
    await nothingMade()
  })

  test('one that arrives different from what was sent', async () => {
    const body = new Uint8Array(makeTar([file('a')]))
    const sent = server().client.workspace.upload({ body, sha256: '0'.repeat(64) })
    await expectRefusal(sent, 422, 'checksum_mismatch')
    await nothingMade()
  })
})

describe('a path', () => {
  /** Encoded once, as they stand in an address. */
  const tricks = [
    '../secret.key',
    '..%2fsecret.key',
    '%2e%2e%2fsecret.key',
    '%2e%2e/%2e%2e/secret.key',
    '..%5csecret.key',
    '....//secret.key',
    'a/../../secret.key',
    '/etc/passwd',
    '%2fetc%2fpasswd',
    'a%00b',
    '%00',
    '..;/secret.key',
    '..%c0%afsecret.key',
    '%252e%252e%252fsecret.key',
    '.staging',
    '~root/.bashrc',
    'C:%5cwindows',
    '..',
    '%2e%2e',
    `${'a%2f'.repeat(1000)}x`,
  ]

  test.each(tricks)('%s reads nothing', async (path) => {
    const job = await anyJob()
    for (const route of [`/api/v1/storage/file?path=`, `/api/v1/jobs/${job}/artifacts/file?path=`]) {
      const answer = await raw('GET', route + path)
      expect([400, 404]).toContain(answer.status)
      expect(answer.error?.hint).toMatch(/\w/)
      expect(answer.text).not.toMatch(/root:|BEGIN/)
    }
    const listed = await raw('GET', `/api/v1/storage?path=${path}`)
    expect([400, 404]).toContain(listed.status)
  })

  test.each(['../evil', '/etc/nabla-evil', 'a/../../evil', '', '.', '..', 'a\u0000b', 'a//../../b', 'x'.repeat(300)])(
    '%j is not written',
    async (path) => {
      const code = path.includes('\u0000') ? 'invalid' : 'bad_path'
      await expectRefusal(server().client.storage.put({ path, body: 'x' }), 400, code)
      await expectRefusal(
        server().client.storage.delete({ path, recursive: true }),
        400,
        path === '' ? 'invalid' : code,
      )
    },
  )

  test.each(['../../x', '%2e%2e', 'a%00b', '..%2f..%2fetc', 'j0000000000000000;x'])(
    '%s as the name of a job',
    async (name) => {
      const answer = await raw('GET', `/api/v1/jobs/${name}/logs`)
      expect([400, 404]).toContain(answer.status)
      expect(answer.error?.hint).toMatch(/\w/)
    },
  )
})

describe('a link that a job left', () => {
  const links = ['passwd', 'absolute', 'folder/up', 'loop', 'chain', 'root/etc/passwd', 'other']

  test('leads nowhere outside', async () => {
    const make = (dir: string) => `
      cd ${dir}; mkdir -p folder; echo inside > file; ln -s file good
      ln -s /etc/passwd passwd; ln -s ${server().data}/secret.key absolute; ln -s ../../../secret.key folder/up
      ln -s loop loop; ln -s folder/up chain; ln -s / root; ln -s ../ other`
    const job = await run(server(), `${make('/artifacts')}\n${make('/storage')}\nmkfifo /artifacts/pipe /storage/pipe`)
    expect(job).toMatchObject({ state: 'succeeded' })
    const { client } = server()
    for (const path of links) {
      for (const get of [() => client.artifact.get({ job: job.id, path }), () => client.storage.get({ path })]) {
        const error = await get().then(
          () => expect.unreachable(`${path} was served`),
          (error: unknown) => error,
        )
        expect(error).toMatchObject({ status: expect.toBeOneOf([400, 404]), hint: expect.stringMatching(/\w/) })
      }
      await expect(client.storage.put({ path: `${path}/x`, body: 'x' })).rejects.toBeInstanceOf(ApiError)
    }
    // A pipe that nobody writes to must not hold up the server.
    await expect(client.storage.get({ path: 'pipe' })).rejects.toMatchObject({ status: expect.toBeOneOf([400, 404]) })
    expect(await (await client.artifact.get({ job: job.id, path: 'good' })).text()).toBe('inside\n')
    const tar = Buffer.from(await (await client.storage.archive({})).bytes()).toString('latin1')
    expect(tar).not.toContain('root:x:')
    const { items } = await client.artifact.list({ job: job.id, recursive: true })
    expect(items.filter(({ path }) => path.startsWith('root/') || path.startsWith('other/'))).toEqual([])
    await client.storage.delete({ path: 'root' })
    await client.storage.delete({ path: 'other', recursive: true })
    expect(readdirSync('/etc').length).toBeGreaterThan(10)
  })
})

let made: string | undefined

/** A job that has ended, made once. */
async function anyJob(): Promise<string> {
  made ??= (await run(server(), 'true')).id
  await ended(server(), made)
  return made
}

test('nothing of all that reached the machine', () => {
  const evil = readdirSync('/tmp').filter((name) => name === 'nabla-evil' || name === 'evil')
  for (const name of evil) rmSync(join('/tmp', name))
  expect(evil).toEqual([])
  expect(server().log()).not.toMatch(/"level":(50|60)/)
})
