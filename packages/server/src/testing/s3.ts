import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { AwsV4Signer } from 'aws4fetch'
import type { S3Settings } from '../stores/s3/s3-store.ts'

/** An S3 server program of the tests: versitygw on a free port of this machine, over a folder of its own. */
export interface TestS3 {
  /** An empty bucket of its own each time. */
  newBucket(): S3Settings
  stop(): Promise<void>
}

/** Built by `tools/install-s3-server.sh`, which says why it is this one; undefined where that has not been run. */
export function s3ServerProgram(): string | undefined {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const places = [process.env['NABLA_TEST_S3_SERVER'], join(cache, 'nabla-test', 'versitygw-1.8.0', 'versitygw')]
  return places.find((path) => path !== undefined && path !== '' && existsSync(path))
}

/** Starts one, and waits until it answers. */
export async function startS3(program: string): Promise<TestS3> {
  const dir = mkdtempSync(join(tmpdir(), 'nabla-s3-'))
  const [buckets, attributes] = [join(dir, 'buckets'), join(dir, 'attributes')]
  for (const path of [buckets, attributes]) mkdirSync(path)
  const port = await freePort()
  const args = ['--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive', 'posix', '--sidecar', attributes, buckets]
  const keys = { ROOT_ACCESS_KEY: 'test-access', ROOT_SECRET_KEY: 'test-secret' }
  const shell = spawn('sh', ['-c', keeper, program, ...args], {
    env: { ...keys, DIR: dir, PATH: '/usr/local/bin:/usr/bin:/bin' },
    cwd: dir,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const ended = new Promise<void>((resolve) => shell.once('close', () => resolve()))
  const endpoint = `http://127.0.0.1:${port}`
  const stop = async () => {
    shell.stdin?.end()
    await ended
  }
  await untilReady(endpoint, shell).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  let made = 0
  return {
    newBucket() {
      const bucket = `bucket-${++made}`
      mkdirSync(join(buckets, bucket))
      const secret = { accessKeyId: keys.ROOT_ACCESS_KEY, secretAccessKey: keys.ROOT_SECRET_KEY }
      return { endpoint, region: 'us-east-1', bucket, prefix: '', ...secret }
    },
    async stop() {
      await stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Puts an object under any key into a bucket, as other programs do, and answers its ETag. */
export async function putObject({ endpoint, bucket, ...keys }: S3Settings, key: string, body: string): Promise<string> {
  const url = `${endpoint}/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`
  const signed = await new AwsV4Signer({ ...keys, service: 's3', method: 'PUT', url, body }).sign()
  const response = await fetch(signed.url, { method: 'PUT', headers: signed.headers, body })
  if (response.status !== 200) throw new Error(`${key} could not be put: ${response.status} ${await response.text()}`)
  return response.headers.get('etag') ?? ''
}

/**
 * As for PostgreSQL: it ends, and its folder is gone, also when this process is killed. Asked to end, it would wait for
 * connections that clients keep open; nothing that it holds is wanted any more.
 */
const keeper = `
"$0" "$@" & server=$!
cat > /dev/null
kill -KILL $server
wait $server
cd /
rm -rf "$DIR"
`

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port is free')
  return address.port
}

async function untilReady(endpoint: string, shell: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (shell.exitCode !== null) throw new Error(`the S3 server ended at once, with code ${shell.exitCode}`)
    const answer = await fetch(endpoint).catch(() => undefined)
    if (answer) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('the S3 server did not answer')
}
