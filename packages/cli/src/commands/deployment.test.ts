import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Deployment, DeploymentSummary } from '@nabla/api/deployment'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'
import { startServer, type TestServer } from '../testing/server.ts'

// Others may need the processors as well.
vi.setConfig({ testTimeout: 120_000 })

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(async () => {
  // What runs is no child of the server.
  const { stdout } = await cli('/', ['deployment', 'list', '--json'])
  for (const { id } of JSON.parse(stdout) as DeploymentSummary[]) {
    await cli('/', ['deployment', 'stop', id])
    await vi.waitFor(async () => expect((await show(id)).instances.all).toBe(0), { timeout: 60_000, interval: 200 })
  }
  await server.close()
}, 120_000)

const cli = (cwd: string, argv: string[], more: Parameters<typeof runCli>[1] = {}) =>
  runCli(argv, { cwd, ...more, env: { ...server.env, ...more.env } })

const show = async (name: string): Promise<Deployment> =>
  JSON.parse((await cli('/', ['deployment', 'show', name, '--json'])).stdout) as Deployment

/** Serves the files of the folder: each request is for one. */
const words = ['--', 'exec python3 -m http.server $PORT --bind 127.0.0.1']

describe('a program', () => {
  test('is deployed with the files of a folder, asked, changed, brought back, scaled, stopped and deleted', async () => {
    const cwd = await aFolder('shop')
    await writeFile(join(cwd, 'page.txt'), 'hello')
    const made = await cli(cwd, ['deploy', '--name', 'shop', '--env', 'A=1', '--drain', '1s', ...words])
    expect(made.stderr).toMatch(/shop is running/)
    expect(made).toMatchObject({ exitCode: 0, stdout: `${server.url}/serve/shop/\n` })
    const asked = await cli(cwd, ['deployment', 'predict', 'shop', '--path', '/page.txt'])
    expect(asked).toMatchObject({ exitCode: 0, stdout: 'hello\n' })
    expect(asked.stderr).toContain(`curl ${server.url}/serve/shop/page.txt -H "Authorization: Bearer $NABLA_API_KEY"`)
    expect((await cli(cwd, ['deployment', 'predict', 'shop', '--path', '/none'])).exitCode).toBe(1)
    const rated = async () =>
      JSON.parse((await cli('/', ['deployment', 'list', '--json'])).stdout) as DeploymentSummary[]
    await vi.waitFor(async () => expect((await rated())[0]?.requestRate).toBeGreaterThan(0), { timeout: 60_000 })

    const listed = await cli(cwd, ['deployment', 'list'], { columns: 60, env: { NO_COLOR: '1' } })
    expect(listed.stdout).toMatch(/shop +● running +1\/1/)
    const wide = await cli(cwd, ['deployment', 'list'], { columns: 200, env: { NO_COLOR: '1' } })
    expect(wide.stdout).toMatch(/READY +REQ\/S[^]*shop +● running +1\/1 +[\d.]+ /)
    expect(Math.max(...listed.stdout.split('\n').map((row) => row.length))).toBeLessThanOrEqual(60)
    const logged = async () => (await cli(cwd, ['deployment', 'logs', 'shop'])).stderr
    await vi.waitFor(async () => expect(await logged()).toContain('GET /page.txt'), { timeout: 60_000 })

    const changed = await cli(cwd, ['deployment', 'update', 'shop', '--env', 'B=2'])
    expect(changed.exitCode).toBe(0)
    expect((await show('shop')).spec.env).toEqual({ A: '1', B: '2' })
    const back = await cli(cwd, ['deployment', 'rollback', 'shop'])
    expect(back.exitCode).toBe(0)
    const history = await cli(cwd, ['deployment', 'history', 'shop'], { env: { NO_COLOR: '1' } })
    expect(history.stdout).toMatch(/3 +serving[^]*env\.B "2" → none[^]*2 +superseded[^]*env\.B none → "2"/)

    expect((await cli(cwd, ['deployment', 'scale', 'shop', '0'])).stderr).toContain('is to have 0 instances')
    expect((await cli(cwd, ['deployment', 'stop', 'shop'])).exitCode).toBe(0)
    await vi.waitFor(async () => expect((await show('shop')).state).toBe('stopped'), { timeout: 60_000 })
    expect((await cli(cwd, ['deployment', 'delete', 'shop'])).exitCode).toBe(0)
    expect((await cli(cwd, ['deployment', 'show', 'shop'])).exitCode).toBe(4)
  })

  test('that ends at once fails with its last lines, and with 1', async () => {
    const cwd = await aFolder('bad')
    const failed = await cli(cwd, ['deploy', '--name', 'bad', '--', 'echo no such port >&2; exit 7'])
    expect(failed).toMatchObject({ exitCode: 1, stdout: '' })
    expect(failed.stderr).toMatch(/bad is failed[^]*exit code 7/)
  })
})

describe('before anything is sent', () => {
  test('it is said what is missing or wrong, and what to do', async () => {
    const cwd = await aFolder()
    const fail = async (...argv: string[]) => {
      const ran = await cli(cwd, argv)
      expect([ran.exitCode, ran.stdout]).toEqual([2, ''])
      return ran.stderr
    }
    expect(await fail('deploy')).toMatch(/nothing to serve[^]*nabla deploy -f deployment\.yaml/)
    expect(await fail('deploy', 'iris', '--instances', 'many')).toMatch(/instances/)
    expect(await fail('deploy', 'iris', '--min', '0')).toMatch(/--max/)
    expect(await fail('deployment', 'update', '--', 'true')).toMatch(/Missing required argument 'deployment'/)
    expect(await fail('deploy', '-f', 'none.yaml')).toMatch(/none\.yaml cannot be read/)
    await writeFile(join(cwd, 'bad.yaml'), 'name: shop\ncommand: x\nhealthChecks:\n  readiness: { path: nowhere }\n')
    expect(await fail('deploy', '-f', 'bad.yaml')).toMatch(/bad\.yaml:4:\d+/)
  })

  test('--dry-run shows what would be asked for; options go before the file', async () => {
    const cwd = await aFolder('dry')
    await mkdir(join(cwd, 'sub'))
    await writeFile(join(cwd, 'a.yaml'), 'name: dry\ncommand: python app.py\ninstances: 3\n')
    const line = [
      'deploy',
      '-f',
      'a.yaml',
      '--instances',
      '2',
      '--target',
      'cpu=70',
      '--max',
      '4',
      '--dry-run',
      '--json',
    ]
    const { stdout, exitCode } = await cli(cwd, line)
    expect(exitCode).toBe(0)
    const autoscaling = { max: 4, metric: 'cpu', target: 70 }
    expect(JSON.parse(stdout)).toMatchObject({ name: 'dry', command: 'python app.py', instances: 2, autoscaling })
    expect(JSON.parse((await cli(cwd, ['deployment', 'list', '--json', '--name', 'dry'])).stdout)).toEqual([])
  })

  test('a password that was typed is not kept with the command', async () => {
    const cwd = await aFolder('kept')
    const login = ['--auth', 'basic', '--username', 'me', '--password', 'open sesame']
    const made = await cli(cwd, ['deployment', 'create', '--name', 'kept', '--stopped', ...login, ...words])
    expect(made.exitCode).toBe(0)
    const { stdout } = await cli(cwd, ['deployment', 'history', 'kept', '--json'])
    expect(stdout).toContain('--password')
    expect(stdout).not.toContain('sesame')
  })
})
