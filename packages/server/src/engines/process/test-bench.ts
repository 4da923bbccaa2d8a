import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { systemClock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Engine, TaskSpec } from '../engine.ts'
import type { EngineBench } from '../engine-suite.ts'
import { copyForOtherUser, openAsOtherUser, otherUser } from './other-user.ts'
import { createProcessEngine } from './process-engine.ts'

/** For tests: a process engine of root's or of another user, on a data folder of its own. */
export interface ProcessBench extends EngineBench {
  /** The server's data folder. */
  readonly dataDir: string
  /** Makes a folder outside of the data folder, with files, that the engine's user owns. */
  folder(name: string, files?: Record<string, string>): string
  /** What a task has written so far. */
  output(id: string, stream?: 'stdout' | 'stderr' | 'system' | 'packages'): string
}

export type Who = 'root' | 'user'

export const isRoot = process.getuid?.() === 0

const hostEnv = { PATH: process.env['PATH'], HOME: process.env['HOME'], NABLA_TEST_SECRET: 'not for tasks' }
const MiB = 2 ** 20

export async function makeBench(who: Who): Promise<ProcessBench> {
  const base = mkdtempSync(join(tmpdir(), 'nabla-engine-'))
  const own = (path: string) => who === 'user' && chownSync(path, otherUser, otherUser)
  own(base)
  const makeFolder = (path: string) => {
    mkdirSync(path, { recursive: true })
    own(path)
    return path
  }
  const dataDir = makeFolder(join(base, 'data'))
  const outputs = makeFolder(join(base, 'outputs'))
  const copy = who === 'user' ? copyForOtherUser(join(base, 'copy')) : null
  const open = (): Engine =>
    copy ? openAsOtherUser(copy, dataDir) : createProcessEngine({ dataDir, clock: systemClock, hostEnv })

  let engine = open()
  return {
    dataDir,
    get engine() {
      return engine
    },
    async restart() {
      await engine.close()
      engine = open()
      return engine
    },
    task(command, changes = {}) {
      const id = newId('task')
      return {
        id,
        image: 'host',
        command,
        workingDir: '/paperspace',
        env: {},
        mounts: [],
        resources: { cpus: 1, memoryBytes: 512 * MiB, gpus: [], pids: 512 },
        outputDir: makeFolder(join(outputs, id)),
        ...changes,
      } satisfies TaskSpec
    },
    folder(name, files = {}) {
      const path = makeFolder(join(base, 'folders', name))
      for (const [file, text] of Object.entries(files)) {
        makeFolder(dirname(join(path, file)))
        writeFileSync(join(path, file), text)
        own(join(path, file))
      }
      return path
    },
    output: (id, stream = 'stdout') => readFileSync(join(outputs, id, stream), 'utf8'),
    async close() {
      for (const { id } of await engine.list()) await engine.remove(id)
      await engine.close()
      await removeFolder(base)
    },
  }
}

/** An engine that was made anew may still be deleting what the last one left: until then a folder is not empty. */
async function removeFolder(path: string): Promise<void> {
  for (let tries = 0; existsSync(path); tries++) {
    if (tries === 200) throw new Error(`${path} cannot be removed`)
    try {
      rmSync(path, { recursive: true, force: true })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY')) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, tries === 0 ? 0 : 25))
  }
}
