import { beforeAll, expect, test } from 'vitest'
import { noBrowser } from '../testing/browser.ts'
import { seedExperiments, seedRuns } from '../../../../tools/seed-runs.ts'
import { describeConsole, type TestConsole } from '../testing/console.ts'
import { openSlowly } from '../testing/stillness.ts'

/** What may move in all: a few words, a little. Half of a page that moves by the height of a line scores 0.007. */
const mostScore = 0.002

const size = {
  wide: { width: 1440, height: 900 },
  narrow: { width: 390, height: 844 },
}

describeConsole('while answers come in', (console) => {
  beforeAll(async () => {
    if (noBrowser !== undefined) return
    const { client } = console()
    await seedRuns(client)
    await seedExperiments(client)
    await client.notebook.create({ body: { name: 'later', project: 'speech', start: false } })
  })

  test.for([
    ['home', 'wide', ['/', '/activity']],
    ['machines', 'wide', ['/machines', '/settings/account']],
    ['lists', 'wide', ['/jobs', '/projects', '/notebooks']],
    ['lists with more above them', 'wide', ['/runs', '/data/storage', '/projects/digits?tab=settings']],
    ['pages of one', 'wide', ['/jobs/long-training', '/notebooks/later', '/experiments/digits-distributed']],
    ['a phone', 'narrow', ['/', '/jobs', '/data/storage']],
  ] as const)('nothing moves: %s', async ([, width, paths]) => {
    expect(await shiftsOf(console(), size[width], paths)).toEqual([])
  })
})

/** What moved on each page on which more did than may, in words. */
async function shiftsOf(
  { open, url }: TestConsole,
  window: { width: number; height: number },
  paths: readonly string[],
): Promise<string[]> {
  const page = await open('/healthz', window)
  const openOne = await openSlowly(page)
  const found: string[] = []
  for (const path of paths) {
    const shifts = await openOne(url + path)
    const sum = shifts.reduce((total, { score }) => total + score, 0)
    if (sum <= mostScore) continue
    for (const { score, after, moved } of shifts) {
      found.push(`${path}: ${score.toFixed(4)} after ${after}: ${moved.join('; ')}`)
    }
  }
  return found
}
