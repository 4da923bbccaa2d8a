import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { AppError } from '../lib/app-error.ts'
import { checkGitUrl, fetchGit, type GitRequest } from './git.ts'
import { treeDigest } from './tree-digest.ts'

const login = { username: 'ann', password: 'pass:w/ord %41"$(id)' }

let base: string
let server: Server
let url: string
let target: string
let commits: { first: string; second: string; hidden: string }
/** What each request to the server asked for. */
const asked: string[] = []

function git(cwd: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=T', '-c', 'user.email=t@example.org', '-c', 'protocol.file.allow=always']
  return execFileSync('git', [...identity, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    .toString()
    .trim()
}

/** One repository with two commits on `main`, a branch, tags, links, attributes and a submodule. */
async function makeRepository(): Promise<void> {
  const work = join(base, 'work')
  const bare = join(base, 'served/repo.git')
  await mkdir(work)
  git(work, 'init', '--quiet', '--initial-branch=main')
  await writeFile(join(work, 'train.py'), 'first\n')
  git(work, 'add', '.')
  git(work, 'commit', '--quiet', '-m', 'first')
  git(work, 'tag', '-a', 'v1', '-m', 'version 1')
  await writeFile(join(work, 'train.py'), 'second\n')
  await mkdir(join(work, 'folder'))
  await writeFile(join(work, 'folder/run.sh'), '#!/bin/sh\n')
  await chmod(join(work, 'folder/run.sh'), 0o755)
  await symlink('../train.py', join(work, 'folder/link'))
  await writeFile(join(work, 'größe'), 'x')
  await writeFile(join(work, 'left-out'), 'kept all the same $Format:%H$\n')
  await writeFile(join(work, '.gitattributes'), 'left-out export-ignore export-subst\n*.bin filter=lfs\n')
  await writeFile(join(work, 'model.bin'), 'version https://git-lfs.github.com/spec/v1\n')
  await writeFile(join(work, '.gitmodules'), '[submodule "sub"]\n\tpath = sub\n\turl = file:///etc\n')
  const first = git(work, 'rev-parse', 'HEAD')
  git(work, 'add', '.')
  git(work, 'update-index', '--add', '--cacheinfo', `160000,${first},sub`)
  git(work, 'commit', '--quiet', '-m', 'second')
  git(work, 'branch', 'feature/x')
  git(work, 'branch', 'deadbeef')
  const second = git(work, 'rev-parse', 'HEAD')
  git(work, 'checkout', '--quiet', '-b', 'escape')
  await symlink('/etc/passwd', join(work, 'bad'))
  git(work, 'add', '.')
  git(work, 'commit', '--quiet', '-m', 'link out')
  git(work, 'checkout', '--quiet', 'main')
  git(base, 'clone', '--quiet', '--bare', work, bare)
  git(bare, 'config', 'http.receivepack', 'false')
  git(bare, 'update-server-info')
  git(base, 'init', '--quiet', '--bare', 'served/empty.git')
  git(join(base, 'served/empty.git'), 'update-server-info')
  commits = { first, second, hidden: first.slice(0, 9) }
}

function isAllowed(request: IncomingMessage): boolean {
  const expected = Buffer.from(`${login.username}:${login.password}`).toString('base64')
  return request.headers.authorization === `Basic ${expected}`
}

/** `/smart` and `/private` speak git's protocol by its own CGI program, `/plain` only hands out files. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  asked.push(`${request.url} ${request.headers.authorization ?? ''}`)
  const [, kind = '', path = ''] = /^\/(\w+)(\/.*)$/.exec(request.url ?? '') ?? []
  if (kind === 'slow') return
  if (kind === 'elsewhere') {
    response.writeHead(302, { location: `http://localhost:${(server.address() as AddressInfo).port}/private${path}` })
    response.end()
    return
  }
  if (kind === 'private' && !isAllowed(request)) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' })
    response.end('no')
    return
  }
  if (kind === 'plain') {
    readFile(join(base, 'served', path.split('?')[0] ?? '')).then(
      (content) => response.end(content),
      () => response.writeHead(404).end(),
    )
    return
  }
  runBackend(request, response, path)
}

/** The CGI protocol, RFC 3875, as far as git needs it. */
function runBackend(request: IncomingMessage, response: ServerResponse, path: string): void {
  const [pathInfo = '', query = ''] = path.split('?')
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      GIT_PROJECT_ROOT: join(base, 'served'),
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      PATH_INFO: pathInfo,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method ?? '',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  request.pipe(backend.stdin)
  const chunks: Buffer[] = []
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  backend.on('close', () => {
    const output = Buffer.concat(chunks)
    const end = output.indexOf('\r\n\r\n')
    const headers = Object.fromEntries(
      output
        .toString('latin1', 0, end)
        .split('\r\n')
        .map((line) => line.split(': ') as [string, string]),
    )
    response.writeHead(Number.parseInt(headers['Status'] ?? '200', 10), { ...headers })
    response.end(output.subarray(end + 4))
  })
}

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'git-'))
  await mkdir(join(base, 'served'))
  await makeRepository()
  server = createServer(answer)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => {
    server.close(resolve)
  })
  await rm(base, { recursive: true, force: true })
})

beforeEach(async () => {
  asked.length = 0
  const volumes = await mkdtemp(join(base, 'volumes-'))
  target = join(volumes, 'target')
})

function fetch(request: Partial<GitRequest> & { url: string }) {
  return fetchGit({ targetDir: target, signal: new AbortController().signal, timeoutMs: 30_000, ...request })
}

async function errorOf(request: Partial<GitRequest> & { url: string }): Promise<AppError> {
  const error = await fetch(request).then(
    () => expect.unreachable('it was fetched'),
    (error: unknown) => error,
  )
  if (!(error instanceof AppError)) throw error
  expect(await readdir(join(target, '..', '.staging')).catch(() => [])).toEqual([])
  expect(await readdir(target).catch(() => 'none')).toBe('none')
  return error
}

describe.each(['smart', 'plain'])('from a %s server', (kind) => {
  const repository = () => `${url}/${kind}/repo.git`

  test('the default branch, as it would be checked out', async () => {
    const fetched = await fetch({ url: repository() })
    expect(fetched.commit).toBe(commits.second)
    expect(fetched.digest).toBe(await treeDigest(target))
    expect((await readdir(target)).sort()).toEqual(
      ['.gitattributes', '.gitmodules', 'folder', 'größe', 'left-out', 'model.bin', 'sub', 'train.py'].sort(),
    )
    expect(await readFile(join(target, 'train.py'), 'utf8')).toBe('second\n')
    expect(await readFile(join(target, 'left-out'), 'utf8')).toBe('kept all the same $Format:%H$\n')
    expect(await readlink(join(target, 'folder/link'))).toBe('../train.py')
    expect(await readdir(join(target, 'sub'))).toEqual([])
  })

  test('branch, tag, commit in full and shortened', async () => {
    for (const [ref, commit] of [
      ['main', commits.second],
      ['feature/x', commits.second],
      ['refs/heads/main', commits.second],
      ['v1', commits.first],
      [commits.second, commits.second],
      [commits.first, commits.first],
      [commits.first.slice(0, 8), commits.first],
      ['deadbeef', commits.second],
    ] as const) {
      const fetched = await fetch({ url: repository(), ref })
      expect([ref, fetched.commit]).toEqual([ref, commit])
      expect(await readFile(join(target, 'train.py'), 'utf8')).toBe(commit === commits.first ? 'first\n' : 'second\n')
    }
  })

  test('what is not there', async () => {
    for (const ref of ['nothing', '0123456789', '0'.repeat(40)]) {
      expect([ref, (await errorOf({ url: repository(), ref })).code]).toEqual([ref, 'git_ref_not_found'])
    }
    expect((await errorOf({ url: `${url}/${kind}/none.git` })).code).toBe('git_refused')
    expect((await errorOf({ url: `${url}/${kind}/empty.git` })).code).toBe('git_ref_not_found')
  })

  test('a repository with a link that leads out', async () => {
    const error = await errorOf({ url: repository(), ref: 'escape' })
    expect(error.code).toBe('git_failed')
    expect(error.message).toContain('bad is a link that leads out')
  })
})

describe('logging in', () => {
  const repository = () => `${url}/private/repo.git`

  test('with a name and a password, or with those in the address', async () => {
    expect((await fetch({ url: repository(), ...login })).commit).toBe(commits.second)
    const withLogin = new URL(repository())
    withLogin.username = login.username
    withLogin.password = encodeURIComponent(login.password)
    expect((await fetch({ url: `git+${withLogin.href}`, ref: 'v1' })).commit).toBe(commits.first)
  })

  test('without, or with a wrong password', async () => {
    for (const wrong of [{}, { ...login, password: 'wrong-canary' }, { password: 'wrong-canary' }]) {
      const error = await errorOf({ url: repository(), ...wrong })
      expect(error.code).toBe('git_refused')
      expect(`${error.message} ${error.hint} ${error.stack}`).not.toContain('wrong-canary')
    }
  })

  test('the password is in no argument, no file and no message', async () => {
    const password = 'canary-0451'
    const bin = join(base, 'bin')
    const log = join(base, 'arguments.log')
    await mkdir(bin, { recursive: true })
    // A git that writes down how it is called, and fails by saying what it knows.
    const real = execFileSync('sh', ['-c', 'command -v git']).toString().trim()
    await writeFile(
      join(bin, 'git'),
      `#!/bin/sh\necho "$0 $*" >> ${log}\ncase "$*" in *ls-remote*) grep -rl ${password} "$HOME" >> ${log}; echo "fatal: bad thing with $NABLA_GIT_PASSWORD in it" >&2; exit 128;; esac\nexec ${real} "$@"\n`,
      { mode: 0o755 },
    )
    appendFileSync(log, '')
    const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}` }
    const error = await errorOf({ url: repository(), username: 'ann', password, env })
    expect(error.code).toBe('git_failed')
    expect(error.message).toContain('bad thing with *** in it')
    const called = await readFile(log, 'utf8')
    expect(called).toContain('ls-remote')
    expect(called).not.toContain(password)
  })

  test('a redirect to another host does not get the password', async () => {
    const error = await errorOf({ url: `${url}/elsewhere/repo.git`, ...login })
    expect(error.code).toBe('git_refused')
    expect(asked.some((line) => line.startsWith('/private'))).toBe(true)
    expect(asked.filter((line) => line.includes('Basic'))).toEqual([])
  })
})

describe('what can go wrong', () => {
  test('git is not there', async () => {
    const error = await errorOf({ url: `${url}/smart/repo.git`, env: { PATH: '/nonexistent' } })
    expect(error.code).toBe('git_missing')
  })

  test('nobody answers', async () => {
    const closed = createTcpServer()
    await new Promise<void>((resolve) => {
      closed.listen(0, '127.0.0.1', resolve)
    })
    const { port } = closed.address() as AddressInfo
    await new Promise((resolve) => {
      closed.close(resolve)
    })
    const error = await errorOf({ url: `http://127.0.0.1:${port}/repo.git` })
    expect(error.code).toBe('git_failed')
    expect(error.message).toMatch(/connect/i)
  })

  test('it takes too long, or is called off', async () => {
    const error = await errorOf({ url: `${url}/slow/repo.git`, timeoutMs: 300 })
    expect(error.code).toBe('git_failed')
    expect(error.message).toMatch(/took longer than/)
    const controller = new AbortController()
    const fetching = fetch({ url: `${url}/slow/repo.git`, signal: controller.signal })
    await expect.poll(() => asked.length).toBeGreaterThan(1)
    controller.abort(new Error('called off'))
    await expect(fetching).rejects.toThrowError('called off')
  })

  test.each([
    '',
    'repo',
    '/etc',
    'file:///etc',
    'ext::sh -c id',
    'git+file:///etc',
    'git@github.com:a/b',
    '--upload-pack=touch /tmp/x',
    '-oProxyCommand=id',
    'ssh://-oProxyCommand=id/x',
    'https://',
    'https://a b/c',
    'https://host/a\nb',
    'ftp://host/x',
    'http:\\\\host\\x',
  ])('the address %j', async (address) => {
    expect((await errorOf({ url: address })).code).toBe('invalid')
    expect(() => checkGitUrl(address)).toThrowError(AppError)
  })

  test.each([
    '',
    '-x',
    '--upload-pack=x',
    'a..b',
    'a b',
    'a:b',
    '+a',
    'a~1',
    'a^',
    'a?',
    'a*',
    '[a',
    'a\\b',
    '/a',
    'a/',
  ])('the ref %j', async (ref) => {
    expect((await errorOf({ url: `${url}/smart/repo.git`, ref })).code).toBe('invalid')
    expect(() => checkGitUrl('https://host/repo', ref)).toThrowError(AppError)
  })

  test('an address that would be stored with its password', () => {
    expect(() => checkGitUrl('https://ann:canary@host/repo')).toThrowError(/--workspace-password/)
    expect(() => checkGitUrl('https://ann:canary@host/repo')).not.toThrowError(/canary/)
    expect(() => checkGitUrl('https://host/repo', 'main')).not.toThrow()
    expect(() => checkGitUrl('ssh://git@host/repo')).not.toThrow()
  })

  test('names with shell characters reach git as they are', async () => {
    const error = await errorOf({ url: `${url}/smart/repo.git`, ref: '$(touch${IFS}x);`id`|&' })
    expect(error.code).toBe('git_ref_not_found')
  })
})
