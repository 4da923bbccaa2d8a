import { appendFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { noBrowser, openBrowser, openWindow } from '../packages/console/src/testing/browser.ts'
import { buildConsole } from '../tools/build-console.ts'
import { interact, type Measured, probe, type Smoothness, trace } from './console-probe.ts'
import { lineOf, logLines, metricPoints, needle, type Seeded, startSeeded } from './console-seed.ts'
import { formatMs, median, percentile, type Section } from './report.ts'

const loads = 5
const repeats = 9
const linesPerSecond = 5000
const followMs = 8000
const wheelPx = 1200

export type Row = [measure: string, figure: string, aim: string]

/** The web console in a real browser, with 100,000 jobs, a log of ten million lines and a million measurements. */
export async function webConsole(chosen?: readonly string[]): Promise<Section> {
  const columns = ['measure', 'figure', 'aim']
  const title = 'Console'
  if (noBrowser !== undefined) return { title, about: `Not measured: ${noBrowser}.`, columns, rows: [] }
  await buildConsole({ ifOlder: true })
  const seeded = await startSeeded()
  await using server = seeded.server
  return {
    title,
    about:
      `Chromium without a GPU, 1440 × 900, on the same processors as the server, which has 100,000 jobs, one of them ` +
      `with a log of ${logLines.toLocaleString('en')} lines and one with ${metricPoints.toLocaleString('en')} ` +
      `measurements. Times are the browser's own: from the event of an input until what it asks for is painted, p50 ` +
      `and worst; loads are cold (nothing cached, median of ${loads}); tasks and dropped frames are from its tracing.`,
    columns,
    rows: await measureConsole({ ...seeded, server }, chosen),
  }
}

type Part = (browser: Browser, seeded: Seeded) => Promise<Row[]>

/** The rows of the table, or of some parts of it. */
export async function measureConsole(seeded: Seeded, chosen: readonly string[] = Object.keys(parts)): Promise<Row[]> {
  const browser = await openBrowser()
  try {
    const rows: Row[] = []
    for (const name of chosen) rows.push(...((await parts[name]?.(browser, seeded)) ?? []))
    return rows
  } finally {
    await browser.close()
  }
}

const parts: Record<string, Part> = {
  loads: measureLoads,
  jobs: measureJobs,
  scroll: measureScroll,
  log: measureLog,
  follow: measureFollow,
  chart: measureChart,
}

async function measureLoads(browser: Browser, seeded: Seeded): Promise<Row[]> {
  const home = await loadCold(
    browser,
    seeded,
    '/',
    `/[0-9]/.test(document.querySelector('.home-hero-number')?.textContent)`,
  )
  const jobs = await loadCold(browser, seeded, '/jobs', shownRows(20))
  const log = await loadCold(browser, seeded, `/jobs/${seeded.talking.id}`, shownLines)
  return [
    ['script of the first load, compressed', `${(home.scriptBytes / 1000).toFixed(0)} KB`, 'under 250 KB'],
    ['Home, cold: first figures painted', formatMs(home.ms), 'under 1 s'],
    ['Home, cold: largest contentful paint', formatMs(home.largestMs), ''],
    ['jobs, cold: first rows painted', formatMs(jobs.ms), 'under 1 s'],
    ['a job with its log, cold: last lines painted', formatMs(log.ms), 'under 1 s'],
  ]
}

/** A list shows so many rows. */
export const shownRows = (count: number) => `document.querySelectorAll('.table-line').length >= ${count}`
const shownLines = `document.querySelectorAll('.log-line:not(.log-wait)').length > 20 && !document.querySelector('.log-wait')`

/** Opens a page in a window of its own, again and again. */
async function loadCold(browser: Browser, seeded: Seeded, path: string, holds: string) {
  const found = { ms: [] as number[], largestMs: [] as number[], scriptBytes: 0 }
  for (let load = 0; load < loads; load++) {
    const { page, close } = await openPage(browser, seeded)
    await page.goto(seeded.server.url + path, { waitUntil: 'commit' })
    found.ms.push(await page.evaluate<number>(`bench.until(() => ${holds})`))
    await sleep(300)
    found.largestMs.push(await page.evaluate<number>('bench.largest'))
    found.scriptBytes = await page.evaluate<number>(`performance.getEntriesByType('resource')
      .filter(({ name }) => name.endsWith('.js')).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)`)
    await close()
  }
  return { ms: median(found.ms), largestMs: median(found.largestMs), scriptBytes: found.scriptBytes }
}

async function measureJobs(browser: Browser, seeded: Seeded): Promise<Row[]> {
  const { page, close } = await openPage(browser, seeded)
  await page.goto(`${seeded.server.url}/jobs`)
  await page.evaluate(`bench.until(() => ${shownRows(20)})`)
  const [there, back, filter, unfilter, find] = Array.from({ length: 5 }, (): Measured[] => [])
  const isJob = `document.querySelector('h1')?.textContent.startsWith('train-') && document.querySelector('.job-command')`
  for (let turn = 0; turn < repeats; turn++) {
    const link = page.locator('.table-link').nth(turn + 1)
    there!.push(await interact(page, 'click', () => link.click(), isJob))
    const jobs = page.getByRole('navigation').getByRole('link', { name: 'Jobs' })
    back!.push(await interact(page, 'click', () => jobs.click(), `location.pathname === '/jobs' && ${shownRows(20)}`))
  }
  const state = (name: string) => page.getByRole('group', { name: 'Jobs by state' }).getByRole('button', { name })
  const settled = `${shownRows(20)} && !document.querySelector('.table-stale')`
  const only = (label: string) =>
    `[...document.querySelectorAll('.table-line .state')].every((badge) => /${label}/i.test(badge.textContent))`
  for (const name of ['failed', 'cancelled', 'succeeded']) {
    const pressed = `document.querySelector('.job-state[aria-pressed=true]:not(:first-child)')`
    filter!.push(
      await interact(page, 'click', () => state(name).first().click(), `${pressed} && ${settled} && ${only(name)}`),
    )
    unfilter!.push(await interact(page, 'click', () => state('All').click(), `!${pressed} && ${settled}`))
  }
  for (let turn = 0; turn < repeats; turn++) {
    await page.keyboard.press('Control+k')
    const name = `train-${4000 + turn * 7}`
    await page.getByRole('combobox', { name: 'Search or do' }).fill(name.slice(0, -1))
    const found = `[...document.querySelectorAll('.palette-entry')].some(({ textContent }) => textContent.includes('${name}'))`
    find!.push(await interact(page, 'keydown', () => page.keyboard.press(name.at(-1) ?? ''), found))
    await page.keyboard.press('Escape')
  }
  await close()
  return [
    timesOf('list to a job: the job painted', there!, 'under 100 ms'),
    timesOf('and back: the list painted', back!, 'under 100 ms'),
    timesOf('filter by a state: its jobs painted', filter!, 'under 100 ms'),
    timesOf('filter off', unfilter!, 'under 100 ms'),
    timesOf('last key in the palette: the job found (waits 150 ms for more keys)', find!, 'under 250 ms'),
    pausesOf('any of these: input to the next paint', [...there!, ...back!, ...filter!, ...unfilter!, ...find!]),
  ]
}

async function measureScroll(browser: Browser, seeded: Seeded): Promise<Row[]> {
  const { page, close } = await openPage(browser, seeded)
  await page.goto(`${seeded.server.url}/jobs`)
  await page.evaluate(`bench.until(() => ${shownRows(20)})`)
  await page.mouse.move(700, 500)
  const began = performance.now()
  const smooth = await trace(page, async () => {
    const isThere = () => page.evaluate<boolean>(`!!document.querySelector('.table-line[aria-rowindex="5002"]')`)
    while (!(await isThere())) {
      await page.mouse.wheel(0, wheelPx)
      if (performance.now() - began > 120_000) throw new Error('the 5,000th job never came')
    }
  })
  const seconds = (performance.now() - began) / 1000
  await close()
  return [
    ['wheel from the 1st to the 5,000th job', `${seconds.toFixed(1)} s`, ''],
    framesOf('frames meanwhile', smooth),
  ]
}

async function measureLog(browser: Browser, seeded: Seeded): Promise<Row[]> {
  const { page, close } = await openPage(browser, seeded)
  await page.goto(`${seeded.server.url}/jobs/${seeded.talking.id}`)
  await page.evaluate(`bench.until(() => ${shownLines})`)
  const box = (await page.locator('.log-box').boundingBox())!
  const drags: Measured[] = []
  for (let turn = 0; turn < repeats; turn++) {
    // Headless Chromium draws no scroll bar; dragging it sets the same offset and fires the same event.
    const share = turn === 0 ? 0.5 : (turn * 0.618) % 1
    const lines = shownLines.replace('> 20', '> 10')
    const near = `Math.abs(Number(document.querySelector('.log-line[data-line]')?.dataset.line) / ${logLines} - ${share}) < 0.01`
    await page.evaluate(`bench.measured = (async () => {
      const box = document.querySelector('.log-box'), frames = [], from = performance.now()
      box.scrollTop = ${share} * (box.scrollHeight - box.clientHeight)
      return { from, frames, to: await bench.until(() => ${near} && ${lines}, frames) }
    })()`)
    drags.push(await page.evaluate<Measured>('bench.result()'))
  }
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  const wheel = await trace(page, async () => {
    for (let turn = 0; turn < 120; turn++) await page.mouse.wheel(0, wheelPx)
  })
  const field = page.getByRole('searchbox', { name: 'Search the log' })
  await field.fill(needle.slice(0, -1))
  const found = `/1 found|1 of 1/.test(document.querySelector('.log-search [role=status]')?.textContent ?? '')`
  const search = await interact(page, 'keydown', () => field.press(needle.at(-1) ?? ''), found)
  const shown = `[...document.querySelectorAll('.log-line')].some(({ textContent }) => textContent.includes('${needle}'))`
  const jump = await interact(page, 'keydown', () => field.press('Enter'), shown)
  await close()
  return [
    timesOf('log of 10,000,000 lines, scroll bar put anywhere: the lines painted', drags, 'under 100 ms'),
    framesOf('wheel through 7,000 of its lines: frames', wheel),
    ['one line among them found (500 MB looked through)', formatMs(search.ms), ''],
    ['and shown', formatMs(jump.ms), 'under 100 ms'],
  ]
}

async function measureFollow(browser: Browser, seeded: Seeded): Promise<Row[]> {
  const { page, close } = await openPage(browser, seeded)
  await page.goto(`${seeded.server.url}/jobs/${seeded.talking.id}`)
  await page.evaluate(`bench.until(() => ${shownLines})`)
  await page.evaluate(`(() => {
    const lags = (bench.lags = [])
    const look = () => {
      const at = /sent ([0-9]+)/.exec([...document.querySelectorAll('.log-text')].at(-1)?.textContent ?? '')?.[1]
      if (at) lags.push(Date.now() - Number(at))
      requestAnimationFrame(look)
    }
    look()
  })()`)
  const everyMs = 50
  let lags: number[] = []
  const smooth = await trace(page, async () => {
    const began = performance.now()
    for (let sent = 0, now = 0; now < followMs; now = performance.now() - began) {
      const due = Math.floor((now / 1000) * linesPerSecond)
      const line = `${lineOf(1).trimEnd()} sent ${Date.now()}\n`
      await appendFile(seeded.talking.output, line.repeat(Math.max(0, due - sent)))
      sent = due
      await sleep(everyMs)
    }
    // Before the last line grows old.
    lags = await page.evaluate<number[]>('[...bench.lags]')
  })
  await close()
  return [
    [
      `follow while ${linesPerSecond.toLocaleString('en')} lines a second come: written to painted`,
      `${formatMs(percentile(lags, 0.5))}, p99 ${formatMs(percentile(lags, 0.99))}`,
      '',
    ],
    framesOf('frames meanwhile', smooth),
  ]
}

async function measureChart(browser: Browser, seeded: Seeded): Promise<Row[]> {
  const { page, close } = await openPage(browser, seeded)
  const drawn = `document.querySelector('.chart canvas') && !document.querySelector('[aria-busy=true]')`
  await page.goto(`${seeded.server.url}/jobs/${seeded.measured.id}?tab=metrics`, { waitUntil: 'commit' })
  const openMs = await page.evaluate<number>(`bench.until(() => ${drawn})`)
  await sleep(500)
  const plot = (await page.locator('.u-over').first().boundingBox())!
  const y = plot.y + plot.height / 2
  const at = (share: number) => plot.x + plot.width * share
  const reads = () =>
    page.evaluate<number>(
      `performance.getEntriesByType('resource').filter(({ name }) => /metrics[?]/.test(name)).length`,
    )
  const zooms: Measured[] = []
  for (let turn = 0; turn < 4; turn++) {
    const before = await reads()
    const read = `performance.getEntriesByType('resource').filter(({ name }) => /metrics[?]/.test(name)).length > ${before}`
    await page.mouse.move(at(0.3), y)
    await page.mouse.down()
    await page.mouse.move(at(0.7), y, { steps: 8 })
    zooms.push(await interact(page, 'click', () => page.mouse.up(), read))
    await sleep(200)
  }
  const pan = await trace(page, async () => {
    await page.keyboard.down('Shift')
    await page.mouse.move(at(0.9), y)
    await page.mouse.down()
    await page.mouse.move(at(0.1), y, { steps: 120 })
    await page.mouse.move(at(0.9), y, { steps: 120 })
    await page.mouse.up()
    await page.keyboard.up('Shift')
  })
  await close()
  return [
    ['chart of 1,000,000 measurements, cold: painted', formatMs(openMs), 'under 1 s'],
    timesOf('zoom into it: read anew and painted', zooms, ''),
    framesOf('pan it: frames', pan),
  ]
}

/** A window of its own, signed in, with the probe. */
export async function openPage(
  browser: Browser,
  { server }: Pick<Seeded, 'server'>,
): Promise<{ page: Page; close: () => Promise<void> }> {
  const { context, page } = await openWindow(browser)
  const headers = { origin: server.url, 'sec-fetch-site': 'same-origin' }
  const answer = await context.request.post(`${server.url}/api/v1/sessions`, { data: { key: server.key }, headers })
  if (!answer.ok()) throw new Error(`signing in failed: ${await answer.text()}`)
  await page.addInitScript(probe)
  page.setDefaultTimeout(60_000)
  return { page, close: () => context.close() }
}

/** Median and worst of some interactions. */
export function timesOf(measure: string, found: readonly Measured[], aim: string): Row {
  const times = found.map(({ ms }) => ms)
  return [measure, `${formatMs(median(times))}, worst ${formatMs(Math.max(...times))}`, aim]
}

function pausesOf(measure: string, found: readonly Measured[]): Row {
  const events = found.map(({ eventMs }) => eventMs)
  const task = Math.max(...found.map(({ longTaskMs }) => longTaskMs))
  const worst = Math.max(...events)
  return [
    measure,
    `worst ${worst === 0 ? 'under 16 ms' : formatMs(worst)}, longest task ${formatMs(task)}`,
    'under 100 ms',
  ]
}

/** How smooth it was. */
export function framesOf(measure: string, { frames, drawn, dropped, longTaskMs }: Smoothness): Row {
  const [usual, worst] = [median(frames), percentile(frames, 0.99)]
  return [
    measure,
    `${drawn} drawn, ${dropped} dropped, ${formatMs(usual)} apart, p99 ${formatMs(worst)}; longest task ${formatMs(longTaskMs)}`,
    'no task over 100 ms',
  ]
}
