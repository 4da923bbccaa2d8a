import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../../..')
const run = promisify(execFile)

/** What an environment has: a folder of `test/python` with `requirements.txt` and `constraints.txt`. */
export type Environment =
  | 'mlflow'
  | 'jupyter'
  | 'serve'
  | 'gradient'
  | 'gradient-2'
  | 'jupyter-client'
  | 'search'
  | 'mlflow-server'
  | 'tensorflow-cpu'

/**
 * The interpreter of an environment with packages that tests use, which tasks see too. It is made once and kept beside
 * the other caches; whoever comes second waits. Null where pip cannot fetch them.
 */
export async function pythonWith(environment: Environment): Promise<string | null> {
  const lists = ['requirements.txt', 'constraints.txt'].map((name) => join(root, 'test/python', environment, name))
  const hash = createHash('sha256')
    .update(lists.map((path) => readFileSync(path, 'utf8')).join())
    .digest('hex')
  // Tasks have a /tmp of their own: a checkout there is out of their sight.
  const hidden = ['/tmp/', '/var/tmp/'].some((folder) => root.startsWith(folder))
  const caches = hidden ? join(homedir(), '.cache') : join(root, 'node_modules/.cache')
  const folder = join(caches, `nabla-test-${environment}-${hash.slice(0, 12)}`)
  const python = join(folder, 'bin/python')
  const ready = join(folder, 'ready')
  const lock = `${folder}.lock`
  mkdirSync(caches, { recursive: true })
  for (let waitedMs = 0; !existsSync(ready) && !tryLock(lock); waitedMs += 500) {
    if (waitedMs > mostMs) return null
    await pause(500)
  }
  if (existsSync(ready)) return python
  try {
    rmSync(folder, { recursive: true, force: true })
    await run('python3', ['-m', 'venv', folder])
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    await run(python, [...pip, '-r', lists[0]!, '-c', lists[1]!], { timeout: mostMs })
    writeFileSync(ready, '')
    return python
  } catch {
    rmSync(folder, { recursive: true, force: true })
    return null
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

/** A busy machine takes minutes to unpack them. */
const mostMs = 600_000

function tryLock(path: string): boolean {
  try {
    mkdirSync(path)
    return true
  } catch {
    return false
  }
}
