import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { systemClock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Engine, TaskSpec } from '../engine.ts'
import type { EngineBench } from '../engine-suite.ts'
import { createDockerEngine, type DockerEngineOptions } from './docker-engine.ts'
import { type TestDaemon, testImage } from './testing/daemon.ts'

/** For tests: an engine on a daemon, with a data folder of its own. */
export interface DockerBench extends EngineBench {
  readonly dataDir: string
  /** Makes a folder with files, to be mounted. */
  folder(name: string, files?: Record<string, string>): string
  /** What a task has written so far. */
  output(id: string, stream?: 'stdout' | 'stderr' | 'system'): string
}

const MiB = 2 ** 20

export function makeDockerBench(daemon: TestDaemon, options: Partial<DockerEngineOptions> = {}): DockerBench {
  const base = mkdtempSync(join(tmpdir(), 'nabla-docker-'))
  const dataDir = join(base, 'data')
  const open = () =>
    createDockerEngine({
      dataDir,
      clock: systemClock,
      hostEnv: { PATH: process.env['PATH'] },
      socket: daemon.socket,
      ...options,
    })
  let engine: Engine = open()
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
      const outputDir = join(base, 'outputs', id)
      mkdirSync(outputDir, { recursive: true })
      return {
        id,
        image: testImage,
        command,
        workingDir: '/paperspace',
        env: {},
        mounts: [],
        resources: { cpus: 1, memoryBytes: 256 * MiB, gpus: [], pids: 256 },
        outputDir,
        ...changes,
      } satisfies TaskSpec
    },
    folder(name, files = {}) {
      const path = join(base, 'folders', name)
      mkdirSync(path, { recursive: true })
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(dirname(join(path, file)), { recursive: true })
        writeFileSync(join(path, file), text)
      }
      return path
    },
    output: (id, stream = 'stdout') => readFileSync(join(base, 'outputs', id, stream), 'utf8'),
    async close() {
      for (const { id } of await engine.list()) await engine.remove(id)
      await engine.close()
      rmSync(base, { recursive: true, force: true })
    },
  }
}
