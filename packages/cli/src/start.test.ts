import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aFolder } from './testing/run-cli.ts'
import { startServer, type TestServer } from './testing/server.ts'

/** What a command loads is most of the time that it takes: the schemas of the contract alone are a third of it. */

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const program = fileURLToPath(import.meta.resolve('./main.ts'))

/** Says on the fourth stream, when a program ends, what it loaded. */
const recorder = `data:text/javascript,${encodeURIComponent(`
  import { writeFileSync } from 'node:fs'
  import { registerHooks } from 'node:module'
  const urls = []
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      urls.push(resolved.url)
      return resolved
    },
  })
  process.on('exit', () => writeFileSync(3, urls.join('\\n')))
`)}`

/** Runs the CLI in a process of its own, to its end; answers which modules it loaded. */
async function loadedBy(cwd: string, ...argv: string[]): Promise<string[]> {
  const env = { PATH: process.env['PATH'], HOME: cwd, ...server.env }
  const child = spawn(process.execPath, ['--import', recorder, program, ...argv], {
    cwd,
    env,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  const [errors, urls, [code]] = await Promise.all([
    text(child.stderr as NodeJS.ReadableStream),
    text(child.stdio[3] as NodeJS.ReadableStream),
    once(child, 'exit') as Promise<[number]>,
  ])
  expect({ argv, code, errors: code === 0 ? '' : errors }).toEqual({ argv, code: 0, errors: '' })
  return urls.split('\n')
}

const schemasIn = (urls: readonly string[]): string[] => urls.filter((url) => url.includes('/zod/'))

test('jobs are submitted, followed, waited for and stopped without a schema', async () => {
  const cwd = await aFolder('light')
  await writeFile(join(cwd, 'data.txt'), 'some data\n')
  const create = ['job', 'create', '--project', 'light', '--env', 'A=1', '--tag', 'a']
  const lines = [
    [...create, '--workspace', 'none', '--name', 'empty', '--', 'true'],
    [...create, '--name', 'filled', '--', 'cat', 'data.txt'],
    ['run', '--project', 'light', '--', 'cat', 'data.txt'],
    ['job', 'wait', 'empty'],
    ['job', 'logs', '--follow', 'filled'],
    ['job', 'stop', 'filled'],
    ['job', 'show', 'filled'],
  ]
  for (const line of lines) {
    const urls = await loadedBy(cwd, ...line)
    expect(urls.length).toBeGreaterThan(20)
    expect(schemasIn(urls)).toEqual([])
  }
}, 60_000)

test('a command whose options are those of the contract has them', async () => {
  expect(schemasIn(await loadedBy(await aFolder(), 'job', 'list'))).not.toEqual([])
})
