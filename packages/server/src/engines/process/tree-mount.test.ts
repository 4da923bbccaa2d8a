import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eachDatabase } from '../../testing/database.ts'
import { aTree, type TestFiles } from '../../testing/tree-store.ts'
import { ended } from '../engine-suite.ts'
import { isRoot, makeBench, type ProcessBench } from './test-bench.ts'

const files: TestFiles = {
  'a.txt': 'from the tree',
  'bin/run.sh*': '#!/bin/sh\necho ran\n',
  link: '->a.txt',
  'deep/er/x': '1',
}

eachDatabase((make, dialect) => {
  describe.runIf(isRoot && dialect === 'sqlite')('a tree that tasks start from (needs root)', () => {
    let bench: ProcessBench
    beforeEach(async () => {
      bench = await makeBench('root')
    })
    afterEach(() => bench.close())

    const finished = async (command: string, source: string, mode: 'copy' | 'ro') => {
      const spec = bench.task(command, { workingDir: '/work', mounts: [{ source, target: '/work', mode }] })
      await bench.engine.start(spec)
      const report = await ended(bench.engine, spec.id)
      return { code: report.exit?.code, output: bench.output(spec.id) + bench.output(spec.id, 'stderr') }
    }

    test('is a copy of its own to each, in which it may do as it likes', async () => {
      const { trees, digest } = await aTree(await make(), files)
      const source = await trees.materialise(digest, AbortSignal.any([]))
      const before = statSync(join(source, 'a.txt'))
      const commands = [
        'cat link && echo changed > a.txt && rm -r deep && bin/run.sh && touch new && ls',
        'cat a.txt; ls',
      ]
      const [first, second] = await Promise.all(commands.map((command) => finished(command, source, 'copy')))
      expect(first).toEqual({ code: 0, output: 'from the treeran\na.txt\nbin\nlink\nnew\n' })
      expect(second).toEqual({ code: 0, output: 'from the treea.txt\nbin\ndeep\nlink\n' })
      expect(readdirSync(source).sort()).toEqual(['a.txt', 'bin', 'deep', 'link'])
      expect(readFileSync(join(source, 'a.txt'), 'utf8')).toBe('from the tree')
      expect(statSync(join(source, 'a.txt')).ctimeMs).toBe(before.ctimeMs)
    })

    test('can be there to be read alone', async () => {
      const { trees, digest } = await aTree(await make(), files)
      const source = await trees.materialise(digest, AbortSignal.any([]))
      const { code, output } = await finished('cat a.txt; echo x > a.txt; touch new; rm -r deep', source, 'ro')
      expect(code).not.toBe(0)
      expect(output.match(/Read-only file system/g)?.length).toBeGreaterThanOrEqual(3)
      expect(readFileSync(join(source, 'a.txt'), 'utf8')).toBe('from the tree')
    })
  })
})
