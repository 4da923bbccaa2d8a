import { createHash } from 'node:crypto'
import { cpSync, readFileSync, truncateSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'
import { startServer, type TestServer } from '../testing/server.ts'

let server: TestServer
let cwd: string
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())
beforeEach(async () => {
  cwd = await aFolder()
})

const corpus = join(import.meta.dirname, '../../../../test/model-corpus')
const cli = (...argv: string[]) => runCli(argv, { cwd, env: server.env })

/** What a command prints with `--json`; it has to succeed. */
const json = async (...argv: string[]): Promise<Record<string, unknown>> => {
  const { stdout, stderr, exitCode } = await cli(...argv, '--json')
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
  return JSON.parse(stdout) as Record<string, unknown>
}

test('a file becomes a version, is read, named, signed and fetched again', async () => {
  const file = join(corpus, 'onnx/model/digits.onnx')
  const uploaded = await cli('model', 'upload', 'digits', file, '--alias', 'champion', '-m', 'begun')
  expect(uploaded).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('Made') })
  expect(uploaded.stderr).toContain('Made digits:1 (ONNX, 2,410 parameters)')
  const shown = await cli('model', 'show', 'digits@champion', '--layers')
  expect(shown.stdout).toMatch(/inputs +image: float32 \[batch, 64\]/)
  expect(shown.stdout).toMatch(/fc1\.weight +float32 +64 × 32/)
  cpSync(join(corpus, 'tensorflow/model'), join(cwd, 'export'), { recursive: true })
  expect(await json('model', 'upload', 'digits', 'export')).toMatchObject({
    version: 2,
    format: 'tensorflow',
    files: 4,
  })
  expect((await cli('model', 'versions', 'digits')).stdout).toMatch(/1 +ready +champion +onnx/)
  expect((await cli('model', 'list')).stdout).toMatch(/digits +2 +tensorflow +champion:1/)

  expect((await cli('model', 'create-key', 'release', 'release.pem')).exitCode).toBe(0)
  expect((await cli('model', 'create-key', 'release', 'release.pem')).exitCode).toBe(2)
  expect((await cli('model', 'verify', 'digits:1')).exitCode).toBe(1)
  expect((await cli('model', 'sign', 'digits:1', '--as', 'release', '--key-file', 'release.pem')).exitCode).toBe(0)
  expect((await cli('model', 'verify', 'digits@champion')).stderr).toContain('digits:1 was signed by release')
  const keys = await runCli(['model', 'keys'], { cwd, env: { ...server.env, NO_COLOR: '1' }, columns: 50 })
  expect(keys.stdout).toMatch(/^release +.*2\d{3}-/m)
  expect(Math.max(...keys.stdout.split('\n').map((row) => row.length))).toBeLessThanOrEqual(50)
  const compared = await runCli(['model', 'compare', 'digits:1', 'digits'], { cwd, env: server.env, columns: 120 })
  expect(compared.stdout).toMatch(/≠ +parameters +2,410 +27/)
  expect(compared.stdout).toMatch(/≠ +input image +float32 \[batch, 64\] +–/)
  expect(compared.stdout).toMatch(/graph +4 nodes: 2 Gemm, ArgMax, Relu/)

  expect(await json('model', 'get', 'digits@champion', '--to', 'got')).toMatchObject({ files: 1 })
  const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
  expect(hash(join(cwd, 'got/digits.onnx'))).toBe(hash(file))
  cpSync(file, join(cwd, 'cut.onnx'))
  truncateSync(join(cwd, 'cut.onnx'), 3000)
  const half = await cli('model', 'upload', 'cut', 'cut.onnx')
  expect(half).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('cut.onnx cannot be read as a model') })
  const signing = await cli('model', 'sign', 'cut:1', '--as', 'release', '--key-file', 'release.pem')
  expect(signing.stderr).toContain('cut:1 failed: The file cut.onnx')
  const slash = await cli('model', 'upload', 'a/b', file)
  expect(slash).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('letters, digits, dots') })
  const refused = await cli('model', 'delete', 'digits:1')
  expect(refused).toMatchObject({ exitCode: 5, stderr: expect.stringContaining('digits:1 is digits@champion') })
  expect((await cli('model', 'delete', 'digits:2')).exitCode).toBe(0)
}, 60_000)

test('a job leaves one with --model-name, and another reads it in /models and cannot write there', async () => {
  await writeFile(join(cwd, 'about.json'), '{"metrics":[{"name":"accuracy","numberValue":0.9}]}')
  const made = 'mkdir -p /artifacts/out && cp about.json /artifacts/out/gradient-model-metadata.json'
  const flags = ['--no-init', '--model-name', 'made', '--model-path', '/artifacts/out', '--model-type', 'Custom']
  expect(await cli('run', ...flags, '--', made)).toMatchObject({ exitCode: 0 })
  await expect.poll(async () => (await cli('model', 'show', 'made', '--json')).exitCode, { timeout: 15_000 }).toBe(0)
  expect(await json('model', 'show', 'made:1')).toMatchObject({
    format: 'custom',
    type: 'Custom',
    metrics: [{ value: 0.9 }],
  })
  const command = 'cat /models/made/*.json /weights/*.json; touch /models/made/new 2>&1'
  const models = ['--model', 'made', '--model', 'made:1:/weights']
  const ran = await cli('run', '--workspace', 'none', '--no-init', ...models, '--', command)
  expect(ran.stdout.match(/accuracy/g)).toHaveLength(2)
  expect(ran.stdout).toMatch(/touch: .*Read-only file system/)
  const refused = await cli('run', '--workspace', 'none', '--no-init', '--model', 'made@nobody', '--', 'true')
  expect(refused).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('no version or alias nobody') })
  const odd = await cli('run', '--workspace', 'none', '--no-init', '--model-name', 'a/b', '--', 'true')
  expect(odd).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--model-name cannot be used: letters') })
  const out = ['--model-name', 'x', '--model-path', '../etc']
  const outside = await cli('run', '--workspace', 'none', '--no-init', ...out, '--', 'true')
  expect(outside.stderr).toContain('--model-path cannot be used: a path in the artifacts folder')
  const unnamed = await cli('run', '--workspace', 'none', '--no-init', '--model-type', 'ONNX', '--', 'true')
  expect(unnamed).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--model-name') })
}, 60_000)
