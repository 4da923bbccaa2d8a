import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type ExecProcess, ExecError, type TaskSpec } from '../engine.ts'
import { ended, running } from '../engine-suite.ts'
import { isRoot, makeBench, type ProcessBench } from './test-bench.ts'

/** Programs beside the command of a task: `nabla exec`. */
let bench: ProcessBench
let task: TaskSpec
beforeAll(async () => {
  bench = await makeBench('root')
  task = bench.task('echo mine > note; sleep 1000', { env: { COLOR: 'green' } })
  await bench.engine.start(task)
  await running(bench.engine, task.id)
})
afterAll(() => bench.close())

const exec = (argv: string[], more: object = {}) => bench.engine.exec(task.id, { argv, env: {}, ...more })

async function said(process: ExecProcess): Promise<{ output: string; errors: string; code: number }> {
  process.input.end()
  const [output, errors, code] = await Promise.all([text(process.output), text(process.errors), process.exit])
  return { output, errors, code }
}

/** Reads until the output holds `wanted`. */
async function until(output: Readable, wanted: string): Promise<string> {
  let all = ''
  while (!all.includes(wanted)) all += String((await once(output, 'data'))[0])
  return all
}

describe('a program beside the command', () => {
  test('has its files, its variables and its folder, and ends with its own code', async () => {
    const script = 'cat note; echo $COLOR $MORE; pwd; hostname; echo oh >&2; exit 7'
    const heard = await said(await exec(['sh', '-c', script], { env: { MORE: 'more' } }))
    expect(heard).toEqual({
      output: `mine\ngreen more\n/paperspace\n${task.id}\n`,
      errors: 'oh\n',
      code: 7,
    })
  })

  test('has no more rights than the command, and sees no other processes', async () => {
    const look =
      'grep -E "^(Cap|NoNewPrivs|Seccomp)" /proc/self/status; cat /proc/self/cgroup | sed "s/[0-9]*$//"; ls /proc | grep -c "^[0-9]"'
    const other = bench.task(
      `${look}; for n in user mnt pid ipc uts cgroup; do readlink /proc/self/ns/$n; done; sleep 1000`,
    )
    await bench.engine.start(other)
    await running(bench.engine, other.id)
    const beside = await bench.engine.exec(other.id, { argv: ['sh', '-c', look], env: {} })
    const heard = (await said(beside)).output.split('\n')
    await expect.poll(() => bench.output(other.id).split('\n').length, { timeout: 20_000 }).toBeGreaterThan(10)
    const command = bench.output(other.id).split('\n')
    const rights = (lines: string[]) => lines.filter((line) => /^(Cap|NoNew|Seccomp)/.test(line))
    expect(rights(heard)).toEqual(rights(command))
    expect(rights(heard).length).toBeGreaterThan(5)
    expect(Number(heard.at(-2))).toBeLessThan(12)
    const spaces = await said(
      await bench.engine.exec(other.id, {
        argv: ['sh', '-c', 'for n in user mnt pid ipc uts; do readlink /proc/self/ns/$n; done'],
        env: {},
      }),
    )
    for (const line of spaces.output.trim().split('\n')) expect(command).toContain(line)
    await bench.engine.stop(other.id, 0)
  })

  test('gets a terminal of the right size, which can change, and reads keys', async () => {
    const shell = await exec(['sh', '-i'], { terminal: { columns: 91, rows: 17 } })
    shell.input.write('stty size; test -t 0 && test -t 1 && test -t 2 && tty; echo $TERM\n')
    expect(await until(shell.output, 'xterm-256color')).toMatch(/17 91\r\n\/dev\/pts\/\d+\r\n/)
    shell.resize(40, 10)
    shell.input.write('sleep 0.1; stty size\n')
    await until(shell.output, '10 40')
    shell.input.write('sh -c "echo go; sleep 1000"\n')
    await until(shell.output, 'go\r\n')
    shell.input.write('\u0003')
    shell.input.write('exit 5\n')
    shell.output.resume()
    expect(await shell.exit).toBe(5)
  })

  test('is told of what cannot be started', async () => {
    await expect(exec(['no-such-program'])).rejects.toThrow('there is no program no-such-program')
    await expect(exec(['/etc/passwd'])).rejects.toThrow(/Permission denied/)
    await expect(exec(['ls'], { workingDir: '/no/such/folder' })).rejects.toThrow(/No such file or directory/)
    await expect(exec(['ls'], { user: 'nobody' })).rejects.toBeInstanceOf(ExecError)
  })

  test('passes on much, both ways, byte for byte', async () => {
    const cat = await exec(['cat'])
    const block = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
      .toString('latin1')
      .repeat(4000)
    cat.input.end(Buffer.from(block, 'latin1'))
    cat.errors.resume()
    let all = ''
    for await (const chunk of cat.output) all += (chunk as Buffer).toString('latin1')
    expect([all === block, await cat.exit]).toEqual([true, 0])
  })

  test('ends when it is ended, and with its task', async () => {
    const [killed, left] = [await exec(['sleep', '1000']), await exec(['sleep', '1000'])]
    killed.kill()
    expect(await killed.exit).toBeGreaterThan(128)
    await bench.engine.stop(task.id, 0)
    await ended(bench.engine, task.id)
    expect(await left.exit).toBeGreaterThan(128)
  })
})

test.skipIf(!isRoot)(
  'a normal user runs programs in tasks too, without other rights (needs root to become one)',
  async () => {
    const other = await makeBench('user')
    try {
      const mine = other.task('sleep 1000')
      await other.engine.start(mine)
      await running(other.engine, mine.id)
      const program = await other.engine.exec(mine.id, {
        argv: ['sh', '-c', 'id -u; mount -t tmpfs x /mnt 2>&1; true'],
        env: {},
      })
      expect((await said(program)).output).toMatch(/^0\n.*(denied|permitted|superuser)/i)
    } finally {
      await other.close()
    }
  },
)
