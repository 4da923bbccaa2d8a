import { join } from 'node:path'

import type { Config } from '../config.ts'
import type { Clock } from '../lib/clock.ts'
import { createDockerEngine, type DockerEngineOptions } from './docker/docker-engine.ts'
import type { Endpoint } from './docker/network-guard.ts'
import type { Engine } from './engine.ts'
import { FakeEngine } from './fake/fake-engine.ts'
import { OutsideProtection } from './process/outside-protection.ts'
import { createProcessEngine } from './process/process-engine.ts'

/**
 * Makes the engines that the settings name. One more engine is one more entry here. `database`: where that of the server
 * listens, if it does.
 */
export function openEngines(config: Config, clock: Clock, database: Endpoint | null): ReadonlyMap<string, Engine> {
  const makers = {
    process: () =>
      createProcessEngine({
        dataDir: config.data,
        clock,
        hostEnv: config.hostEnv,
        hasDatabase: database !== null,
        ...(config.python === undefined ? {} : { python: config.python }),
      }),
    docker: () => createDockerEngine({ ...dockerOptions(config, clock), database }),
    fake: () => new FakeEngine({ clock }),
  } satisfies Record<Config['engines'][number], () => Engine>
  return new Map(config.engines.map((name) => [name, makers[name]()]))
}

function dockerOptions(config: Config, clock: Clock): DockerEngineOptions {
  const { socket, runtime, ulimits, pull, gpus } = config.docker
  return {
    dataDir: config.data,
    clock,
    hostEnv: config.hostEnv,
    ulimits,
    pull,
    ...(socket === undefined ? {} : { socket }),
    ...(runtime === undefined ? {} : { runtime }),
    ...(gpus === undefined ? {} : { gpus }),
    ...(config.python === undefined ? {} : { python: config.python }),
    protection: new OutsideProtection(config.python ?? 'python3', join(config.data, 'process-protection.log')),
    leaveGpus: config.engines.includes('process'),
  }
}
