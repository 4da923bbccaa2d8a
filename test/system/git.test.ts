import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WorkflowRun } from '@nabla/api/workflow'
import type { WorkflowSpec } from '@nabla/api/workflow-spec'
import { expect, onTestFinished, test } from 'vitest'
import { linesOf, run, until, useServerProcess } from './support/server-process.ts'

const server = useServerProcess()
const password = 'pa:ss/w%41rd-canary'

function git(cwd: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=T', '-c', 'user.email=t@example.org']
  return execFileSync('git', [...identity, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    .toString()
    .trim()
}

/** A repository that asks for a login, served by git's own program. */
async function serveRepository(): Promise<{ url: string; work: string; commit: string }> {
  const base = mkdtempSync(join(tmpdir(), 'nabla-git-'))
  const work = join(base, 'work')
  mkdirSync(work)
  git(work, 'init', '--quiet', '--initial-branch=main')
  const commit = commitFile(work, 'first')
  git(base, 'clone', '--quiet', '--bare', work, join(base, 'served/repo.git'))
  git(work, 'remote', 'add', 'served', join(base, 'served/repo.git'))
  const http = createServer((request, response) => answer(join(base, 'served'), request, response))
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    http.closeAllConnections()
    http.close()
    rmSync(base, { recursive: true, force: true })
  })
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/repo.git`, work, commit }
}

function commitFile(work: string, text: string): string {
  writeFileSync(join(work, 'train.txt'), `${text}\n`)
  git(work, 'add', '.')
  git(work, 'commit', '--quiet', '-m', text)
  return git(work, 'rev-parse', 'HEAD')
}

/** The CGI protocol, RFC 3875, as far as git needs it. */
function answer(root: string, request: IncomingMessage, response: ServerResponse): void {
  const expected = `Basic ${Buffer.from(`ann:${password}`).toString('base64')}`
  if (request.headers.authorization !== expected) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
    return
  }
  const [path = '', query = ''] = (request.url ?? '').split('?')
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      PATH_INFO: path,
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
    const lines = output.toString('latin1', 0, end).split('\r\n')
    const headers = Object.fromEntries(lines.map((line) => line.split(': ') as [string, string]))
    response.writeHead(Number.parseInt(headers['Status'] ?? '200', 10), headers)
    response.end(output.subarray(end + 4))
  })
}

test('files from a private repository: the commit is recorded, and a clone of the job starts from the same', async () => {
  const repository = await serveRepository()
  const { client } = server()
  await client.secret.set({ name: 'GIT_TOKEN', body: { value: password } })
  const workspace = { from: 'git', url: repository.url, ref: 'main', username: 'ann', password: 'secret:GIT_TOKEN' }
  const command = 'cat train.txt; ls -A; echo changed > train.txt'
  const job = await run(server(), command, { workspace })
  expect(job).toMatchObject({ state: 'succeeded', workspace: { commit: repository.commit, files: 1 } })
  expect(await linesOf(server(), job.id)).toEqual(['first', 'train.txt'])
  expect(job.spec.workspace).not.toHaveProperty('password')

  const newer = commitFile(repository.work, 'second')
  git(repository.work, 'push', '--quiet', 'served', 'main')
  const { id } = await client.job.clone({ job: job.id, body: {} })
  await client.job.wait({ job: id, seconds: 60 })
  const cloned = await client.job.show({ job: id })
  expect(cloned).toMatchObject({ state: 'succeeded', parentJobId: job.id, workspace: { commit: repository.commit } })
  expect(await linesOf(server(), id)).toEqual(['first', 'train.txt'])

  const fresh = await run(server(), command, { workspace })
  expect(fresh.workspace?.commit).toBe(newer)
  expect(await linesOf(server(), fresh.id)).toEqual(['second', 'train.txt'])
  expect(server().log() + JSON.stringify(await client.event.list({ after: 0, limit: 200 }))).not.toContain('canary')
})

test('a repository that refuses the login: the job says so, and not with what', async () => {
  const { url } = await serveRepository()
  const workspace = { from: 'git', url, username: 'ann', password: 'wrong-canary' }
  const job = await run(server(), 'true', { workspace })
  expect(job).toMatchObject({ state: 'error', exitCode: null, reason: expect.stringContaining('refused the login') })
  expect(JSON.stringify(job)).not.toContain('canary')
})

test('a workflow checks out a repository, of which other jobs read the files', async () => {
  const repository = await serveRepository()
  const { client } = server()
  await client.secret.set({ name: 'GIT_FLOW', body: { value: password } })
  const { work } = repository
  mkdirSync(join(work, 'deep'))
  writeFileSync(join(work, 'deep/more.txt'), 'below\n')
  const newer = commitFile(work, 'second')
  git(work, 'push', '--quiet', 'served', 'main')
  const login = { username: 'ann', password: 'secret:GIT_FLOW' }
  const checkout = (more: object, outputs: object) => ({
    uses: 'git-checkout@v1',
    with: { url: repository.url, ...login, ...more },
    outputs,
  })
  const jobs = {
    newest: checkout({ path: '/outputs/code/src' }, { code: { type: 'volume' }, other: { type: 'volume' } }),
    first: checkout({ ref: repository.commit }, { code: { type: 'dataset', with: { ref: 'first-commit' } } }),
    read: {
      uses: 'script@v1',
      inputs: { newest: 'newest.outputs.code', first: 'first.outputs.code' },
      with: { script: 'cd /inputs; cat newest/src/train.txt newest/src/deep/more.txt first/train.txt; ls -A first' },
    },
    refused: checkout({ ref: 'no-such-branch' }, { code: { type: 'volume' } }),
  }
  const spec = { jobs } as unknown as WorkflowSpec
  await client.workflow.create({ body: { name: 'checkouts', project: 'flows' } })
  await client.workflow.run({ workflow: 'checkouts', body: { spec } })
  const run = await until(async () => {
    const found: WorkflowRun = await client.workflow.showRun({ workflow: 'checkouts', number: 1 })
    if (found.endedAt === null) throw new Error(`the run is ${found.state}`)
    return found
  })
  const stateOf = (name: string) => run.jobs.find((job) => job.name === name)!
  expect(run.jobs.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'newest succeeded',
    'first succeeded',
    'read succeeded',
    'refused failed',
  ])
  expect(stateOf('refused').reason).toContain('no-such-branch')
  const { id } = stateOf('read').job!
  expect(await linesOf(server(), id)).toEqual(['second', 'below', 'first', 'train.txt'])
  const shown = await client.job.show({ job: stateOf('newest').job!.id })
  expect(shown).toMatchObject({
    workspace: { commit: newer },
    workflow: { name: 'checkouts', run: 1, job: 'newest' },
  })
  expect(server().log() + JSON.stringify(run)).not.toContain('canary')
})
