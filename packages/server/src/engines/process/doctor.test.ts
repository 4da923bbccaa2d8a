import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../lib/clock.ts'
import { createProcessEngine } from './process-engine.ts'

const base = mkdtempSync(join(tmpdir(), 'nabla-doctor-'))
afterEach(() => rmSync(base, { recursive: true, force: true }))

test('it is said that tasks on the machine reach the database, where one listens', async () => {
  for (const hasDatabase of [true, false]) {
    const dataDir = join(base, String(hasDatabase))
    const engine = createProcessEngine({
      dataDir,
      clock: systemClock,
      hostEnv: { PATH: process.env['PATH'] },
      hasDatabase,
    })
    const findings = (await engine.doctor()).filter(({ topic }) => topic === 'database')
    await engine.close()
    expect(findings.map(({ level }) => level)).toEqual(hasDatabase ? ['warning'] : [])
  }
})
