import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { noBrowser, openBrowser } from '../packages/console/src/testing/browser.ts'
import { buildConsole } from '../tools/build-console.ts'
import { framesOf, openPage, type Row, shownRows, timesOf } from './console.ts'
import { interact, type Measured, trace } from './console-probe.ts'
import { formatMs, median, type Section } from './report.ts'
import { experiments, metricsEach, runsEach, type SeededRuns, startSeededRuns, trialsOfSweep } from './runs-seed.ts'

const loads = 3
const repeats = 5

/** Pages of runs and sweeps in a real browser, with more of both than most people ever have. */
export async function runPages(chosen?: readonly string[]): Promise<Section> {
  const columns = ['measure', 'figure', 'aim']
  const title = 'Runs and sweeps in the console'
  if (noBrowser !== undefined) return { title, about: `Not measured: ${noBrowser}.`, columns, rows: [] }
  await buildConsole({ ifOlder: true })
  const seeded = await startSeededRuns()
  await using server = seeded.server
  return {
    title,
    about:
      `As above, with ${experiments} experiments of ${runsEach.toLocaleString('en')} runs and ` +
      `${metricsEach.toLocaleString('en')} names of metrics each; in one of them, which is looked at, every run has all of ` +
      `them, in the others 30. And a sweep of ${trialsOfSweep.toLocaleString('en')} trials. Loads are cold, median of ${loads}.`,
    columns,
    rows: await measureRunPages({ ...seeded, server }, chosen),
  }
}

/** Where the first axis stands in the picture. */
const firstAxisPx = 56

type Part = (browser: Browser, seeded: SeededRuns) => Promise<Row[]>

/** The rows of the table, or of some parts of it. */
export async function measureRunPages(
  seeded: SeededRuns,
  chosen: readonly string[] = Object.keys(parts),
): Promise<Row[]> {
  const browser = await openBrowser()
  try {
    const rows: Row[] = []
    for (const name of chosen) rows.push(...((await parts[name]?.(browser, seeded)) ?? []))
    return rows
  } finally {
    await browser.close()
  }
}

const parts: Record<string, Part> = { sweep: measureSweep, table: measureTable, charts: measureCharts }

async function measureSweep(browser: Browser, seeded: SeededRuns): Promise<Row[]> {
  const path = `/sweeps/${seeded.sweep}`
  const first = await loadCold(browser, seeded, path, hasInk('.scatter canvas'))
  const lines = await loadCold(browser, seeded, `${path}?tab=parallel`, hasInk('.parallel canvas'))
  const table = await loadCold(browser, seeded, `${path}?tab=trials`, shownRows(20))
  const { page, close } = await openPage(browser, seeded)
  await page.goto(`${seeded.server.url}${path}?tab=parallel`)
  await page.evaluate(`bench.until(() => ${hasInk('.parallel canvas')})`)
  await sleep(1500)
  const box = (await page.locator('.parallel canvas').first().boundingBox())!
  const brush = await trace(page, async () => {
    await page.mouse.move(box.x + firstAxisPx, box.y + 60)
    await page.mouse.down()
    await page.mouse.move(box.x + firstAxisPx, box.y + box.height - 60, { steps: 100 })
    await page.mouse.up()
  })
  // Else nothing was brushed, and nothing measured.
  await page.waitForURL(/brush=/)
  await close()
  return [
    ['sweep of 10,000 trials, cold: its picture painted', first, 'under 1 s'],
    ['its parallel coordinates, cold', lines, 'under 1 s'],
    ['its table, cold', table, 'under 1 s'],
    framesOf('brushing its parallel coordinates: frames', brush),
  ]
}

async function measureTable(browser: Browser, seeded: SeededRuns): Promise<Row[]> {
  const list = await loadCold(browser, seeded, '/runs', shownRows(20))
  const own = await loadCold(browser, seeded, `/projects/${seeded.full}?tab=runs`, shownRows(20))
  const { page, close } = await openPage(browser, seeded)
  await page.goto(`${seeded.server.url}/projects/${seeded.full}?tab=runs`)
  await page.evaluate(`bench.until(() => ${shownRows(20)})`)
  await sleep(1000)
  const [sorts, opens, keys] = Array.from({ length: 3 }, (): Measured[] => [])
  const settled = `${shownRows(20)} && !document.querySelector('.table-stale')`
  for (let turn = 0; turn < repeats; turn++) {
    const head = page
      .getByRole('columnheader')
      .filter({ hasText: /loss-|norm-|scale-/ })
      .first()
      .getByRole('button')
      .first()
    const before = await page.evaluate<string>('location.search')
    sorts!.push(
      await interact(page, 'click', () => head.click(), `location.search !== ${JSON.stringify(before)} && ${settled}`),
    )
  }
  for (let turn = 0; turn < repeats; turn++) {
    const button = page.getByRole('button', { name: /^Columns/ })
    const dialog = `document.querySelector('[role=dialog] input, .column-chooser input, [role=dialog] [type=search]')`
    opens!.push(await interact(page, 'click', () => button.click(), dialog))
    const find = page.getByRole('dialog').getByRole('searchbox').first()
    await find.fill('loss-14')
    keys!.push(
      await interact(
        page,
        'keydown',
        () => find.press('7'),
        `document.querySelectorAll('[role=dialog] label').length < 40`,
      ),
    )
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await sleep(200)
  }
  await close()
  return [
    [`runs of all experiments, cold: first rows painted`, list, 'under 1 s'],
    [`runs of one experiment with ${metricsEach} metrics each, cold: first rows painted`, own, 'under 1 s'],
    timesOf('sort them by a metric', sorts!, ''),
    timesOf('open the chooser of columns', opens!, 'under 100 ms'),
    timesOf('find a metric in it: a key', keys!, 'under 100 ms'),
  ]
}

async function measureCharts(browser: Browser, seeded: SeededRuns): Promise<Row[]> {
  const { items } = await seeded.server.client.run.list({ project: seeded.full, limit: 20, columns: 'params.param-0' })
  const ids = items.map(({ id }) => id)
  const drawn = hasInk('.chart canvas')
  const one = await loadCold(browser, seeded, `/runs/${ids[0]}`, `${drawn} || ${shownRows(3)}`)
  const compare = await loadCold(browser, seeded, `/runs/compare?ids=${ids.join(',')}`, `${drawn} || ${shownRows(3)}`)
  const parallel = await loadCold(
    browser,
    seeded,
    `/projects/${seeded.full}?tab=runs&view=parallel`,
    hasInk('.parallel canvas'),
  )
  return [
    [`a run with ${metricsEach} metrics, cold: first chart painted`, one, 'under 1 s'],
    ['20 of them beside each other, cold', compare, 'under 1 s'],
    [`parallel coordinates of ${runsEach} of them, cold`, parallel, ''],
  ]
}

/** Something has been drawn on a canvas. */
const hasInk = (selector: string): string => `[...document.querySelectorAll('${selector}')].some((canvas) => {
  if (canvas.width === 0 || canvas.height === 0) return false
  const probe = new OffscreenCanvas(32, 32).getContext('2d')
  probe.drawImage(canvas, 0, 0, 32, 32)
  return probe.getImageData(0, 0, 32, 32).data.some((value) => value > 0)
})`

/** Opens a page in a window of its own, again and again; the median time until something holds. */
async function loadCold(browser: Browser, seeded: SeededRuns, path: string, holds: string): Promise<string> {
  const found: number[] = []
  for (let load = 0; load < loads; load++) {
    const { page, close } = await openPage(browser, seeded)
    await page.goto(seeded.server.url + path, { waitUntil: 'commit' })
    found.push(await untilHolds(page, holds))
    await close()
  }
  return formatMs(median(found))
}

const untilHolds = (page: Page, holds: string): Promise<number> => page.evaluate<number>(`bench.until(() => ${holds})`)
