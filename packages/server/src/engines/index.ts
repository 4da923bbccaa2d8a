import type { Config } from '../config.ts'
import type { Clock } from '../lib/clock.ts'
import type { Engine } from './engine.ts'
import { FakeEngine } from './fake/fake-engine.ts'
import { createProcessEngine } from './process/process-engine.ts'

/** Makes the engines that the settings name. One more engine is one more entry here. */
export function openEngines(config: Config, clock: Clock): ReadonlyMap<string, Engine> {
  const makers = {
    process: () =>
      createProcessEngine({
        dataDir: config.data,
        clock,
        hostEnv: config.hostEnv,
        ...(config.python === undefined ? {} : { python: config.python }),
      }),
    fake: () => new FakeEngine({ clock }),
  } satisfies Record<Config['engines'][number], () => Engine>
  return new Map(config.engines.map((name) => [name, makers[name]()]))
}
