import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'

const program = resolve(import.meta.dirname, '../../../../bin/nabla')

test('checks what a server keeps, while it runs and while it does not', async () => {
  const folder = await aFolder()
  const child = spawn(program, ['up', '--json', '--port', '0', '--engine', 'fake', '--data', join(folder, 'data')], {
    env: { PATH: process.env['PATH'], HOME: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { url, key } = JSON.parse(line) as { url: string; key: string }
  const env = { NABLA_URL: url, NABLA_API_KEY: key, HOME: folder }
  const run = (...argv: string[]) => runCli(argv, { cwd: folder, env })
  const work = await aFolder()
  await writeFile(join(work, 'work.txt'), 'what travels')
  const sent = await runCli(['run', '--workspace', work, '--detach', '--', 'run=1s'], { cwd: folder, env })
  expect(sent).toMatchObject({ exitCode: 0 })

  expect(await run('fsck')).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Everything is there') })
  expect(await run('fsck', '--data', 'data')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('in use') })
  child.kill('SIGTERM')
  await once(child, 'exit')
  const whole = await run('fsck', '--data', 'data', '--json')
  expect(whole.exitCode).toBe(0)
  expect(JSON.parse(whole.stdout)).toMatchObject({ packs: 1, missingObjects: [], damagedChunks: [] })
  const packs = join(folder, 'data', 'objects', 'packs')
  const [shard = ''] = await readdir(packs)
  const [pack = ''] = await readdir(join(packs, shard))
  await writeFile(join(packs, shard, pack), 'damaged')
  const damaged = await run('fsck', '--data', 'data')
  expect(damaged.exitCode).toBe(1)
  expect(damaged.stdout).toContain('cut off')
  expect(damaged.stdout).toMatch(/affected .*workspace vo/)
  expect(await run('backup', 'safe', '--data', 'nowhere')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('There is no data of a server'),
  })
  expect(await run('fsck', '--data', 'nowhere')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/There is no data of a server in .*nowhere.*--data FOLDER/s),
  })
}, 60_000)
