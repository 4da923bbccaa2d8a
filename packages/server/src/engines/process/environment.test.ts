import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import type { TaskSpec } from '../engine.ts'
import { ended } from '../engine-suite.ts'
import { isRoot, makeBench, type ProcessBench, type Who } from './test-bench.ts'

const users: Who[] = isRoot ? ['root', 'user'] : ['root']
/** Making an environment takes seconds, and more on a slow network. */
const buildMs = 120_000
const closedIndex = 'http://127.0.0.1:9/simple'

const works = (program: string, args: string[]): boolean => {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const hasVenv = works('/usr/bin/python3', ['-c', 'import ensurepip, venv'])

describe.each(users)('the Python environment of a task, as %s', (who) => {
  let bench: ProcessBench
  beforeEach(async () => {
    bench = await makeBench(who)
  })
  afterEach(() => bench.close())

  let workspaces = 0
  const aTask = (requirements: string | null, command: string, env: Record<string, string> = {}): TaskSpec => {
    const files = requirements === null ? { a: '' } : { 'requirements.txt': requirements }
    const source = bench.folder(`workspace${workspaces++}`, files)
    const mounts: TaskSpec['mounts'] = [
      { source, target: '/paperspace', mode: 'copy' },
      { source: bench.folder('wheels'), target: '/wheels', mode: 'ro' },
    ]
    const python = { requirements: '/paperspace/requirements.txt', cacheDir: bench.folder('cache') }
    return bench.task(command, { env, mounts, python })
  }
  /** A package index of one package, without a network: uv cannot be fetched from it, so pip has to do. */
  const offline = (): Record<string, string> => {
    makeWheel(bench.folder('wheels'))
    return { PIP_NO_INDEX: '1', PIP_FIND_LINKS: '/wheels' }
  }
  const environments = () => readdirSync(join(bench.folder('cache'), 'environments'))
  const end = (task: TaskSpec) => ended(bench.engine, task.id, buildMs)

  test('is left out when there is no requirements file', async () => {
    const task = aTask(null, 'echo "[$VIRTUAL_ENV]"; ls -A /opt/nabla')
    await bench.engine.start(task)
    const report = await end(task)
    expect(report.phases.map(({ phase }) => phase)).toEqual(['files', 'run'])
    expect(bench.output(task.id)).toBe('[]\nenvironment\n')
  })

  test.runIf(hasVenv)(
    'is built once for all who want the same, and theirs to change alone',
    { timeout: buildMs },
    async () => {
      const command = 'python -c "import nablatest; print(nablatest.__file__, nablatest.answer)"'
      const tasks = [aTask('nablatest\n', command, offline()), aTask('nablatest\n', command, offline())]
      await Promise.all(tasks.map((task) => bench.engine.start(task)))
      const reports = await Promise.all(tasks.map(end))
      const system = tasks.map(({ id }) => bench.output(id, 'system'))
      expect(
        reports.map(({ exit }) => exit?.code),
        system.join('\n'),
      ).toEqual([0, 0])
      expect(reports[0]?.phases.map(({ phase }) => phase)).toEqual(['files', 'environment', 'run'])
      // Also for the one that found it built.
      for (const { id } of tasks)
        expect(bench.output(id, 'packages')).toMatch(/^python==3\.\d+\.\S+\n(.+\n)*nablatest==1/)
      for (const { id } of tasks) {
        expect(bench.output(id)).toMatch(/^\/opt\/nabla\/environment\/lib\/python3.*\/nablatest.py 42\n$/)
      }
      expect(system.filter((text) => text.includes('Building a Python environment'))).toHaveLength(1)

      const more = `${command}; touch $VIRTUAL_ENV/mine && ls -A /opt/nabla`
      const third = aTask('nablatest\n', more, offline())
      await bench.engine.start(third)
      await end(third)
      expect(bench.output(third.id, 'system')).toBe('')
      expect(bench.output(third.id)).toMatch(/ 42\nenvironment\n$/)
      expect(environments()).toHaveLength(1)
      expect(readdirSync(join(bench.folder('cache'), 'environments', environments()[0] ?? ''))).not.toContain('mine')
    },
  )

  test.runIf(hasVenv)(
    'that does not install is told in a sentence: the fault of the user',
    { timeout: buildMs },
    async () => {
      const task = aTask('nablatest==99\n', 'true', offline())
      await bench.engine.start(task)
      const { exit } = await end(task)
      expect(exit).toMatchObject({ cause: 'setup', code: null, blame: 'user' })
      expect(exit?.reason).toContain('nablatest==99')
      expect(environments()).toEqual([])
    },
  )

  test('that cannot be fetched says what to do: the fault of the machine', { timeout: buildMs }, async () => {
    const closed = { PIP_INDEX_URL: closedIndex, PIP_RETRIES: '1', UV_HTTP_RETRIES: '0' }
    const task = aTask('nablatest\n', 'true', closed)
    await bench.engine.start(task)
    const { exit } = await end(task)
    expect(exit).toMatchObject({ cause: 'setup', code: null, blame: 'machine' })
    expect(exit?.reason).toContain(closedIndex)
    expect(exit?.reason).toContain('PIP_INDEX_URL')
  })

  test(
    'comes from the package index, by uv where it can be had (needs an index)',
    { timeout: buildMs },
    async (context) => {
      const task = aTask('six\n', 'python -c "import six; print(six.__file__)"; pip --version')
      await bench.engine.start(task)
      const { exit } = await end(task)
      if (exit?.reason?.includes('cannot be reached')) context.skip('no package index can be reached from here')
      expect(exit?.code, bench.output(task.id, 'system')).toBe(0)
      expect(bench.output(task.id)).toMatch(/^\/opt\/nabla\/environment\/lib\/.*six.py\npip /)
    },
  )

  test('may be stopped while it is built', { timeout: buildMs }, async () => {
    const task = aTask('six\n', 'true', { PIP_INDEX_URL: 'http://192.0.2.1/simple' })
    await bench.engine.start(task)
    await bench.engine.stop(task.id, 2_000)
    expect((await end(task)).exit).toMatchObject({ cause: 'signal', code: 143 })
    expect(environments()).toEqual([])
  })
})

/** Makes `nablatest-1.0-py3-none-any.whl`, of one module with one number in it. */
function makeWheel(folder: string): void {
  const about = join(folder, 'nablatest-1.0.dist-info')
  mkdirSync(about, { recursive: true })
  writeFileSync(join(folder, 'nablatest.py'), 'answer = 42\n')
  writeFileSync(join(about, 'METADATA'), 'Metadata-Version: 2.1\nName: nablatest\nVersion: 1.0\n')
  writeFileSync(join(about, 'WHEEL'), 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
  writeFileSync(join(about, 'RECORD'), 'nablatest.py,,\nnablatest-1.0.dist-info/RECORD,,\n')
  const args = ['-m', 'zipfile', '-c', 'nablatest-1.0-py3-none-any.whl', 'nablatest.py', 'nablatest-1.0.dist-info']
  execFileSync('python3', args, { cwd: folder })
}
