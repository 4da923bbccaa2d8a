import { afterAll, beforeAll, describe } from 'vitest'

import { engineSuite } from '../engine-suite.ts'
import { makeDockerBench } from './test-bench.ts'
import { missing, startTestDaemon, type TestDaemon } from './testing/daemon.ts'

for (const kind of ['podman', 'docker'] as const) {
  const reason = missing[kind]
  describe.skipIf(reason !== null)(reason === null ? kind : `${kind}: ${reason}`, () => {
    let daemon: TestDaemon
    beforeAll(async () => {
      daemon = await startTestDaemon(kind)
    })
    afterAll(() => daemon?.close())
    engineSuite(`docker (${kind})`, async () => makeDockerBench(daemon))
  })
}
