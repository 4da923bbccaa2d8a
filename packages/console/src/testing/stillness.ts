import type { Page, Request, Route } from 'playwright-core'

/** Something that moved by itself: how much of the window, after which answer, and where it was and is. */
export interface Shift {
  /** As browsers count it: the share of the window that moved, times how far. */
  score: number
  after: string
  moved: string[]
}

/**
 * Opens addresses in a window as on a slow line: the API answers one request at a time, the next when what came of the
 * one before is drawn. Nothing happens meanwhile: streams are never answered. Returns what opens one and tells what moved.
 */
export async function openSlowly(page: Page): Promise<(address: string) => Promise<Shift[]>> {
  const held: Route[] = []
  const flying = new Set<Request>()
  page.on('request', (request) => void (isStream(request) || flying.add(request)))
  page.on('requestfinished', (request) => flying.delete(request))
  page.on('requestfailed', (request) => flying.delete(request))
  await page.addInitScript(watchShifts)
  await page.route('**/api/v1/**', (route) => void held.push(route))
  await page.route('**/stream*', () => undefined)
  return async (address) => {
    held.length = 0
    await page.goto(address)
    // Twice without anything to wait for: an answer may ask for more when it is drawn.
    for (let calm = 0; calm < 2; calm = held.length + flying.size === 0 && (await isThere(page)) ? calm + 1 : 0) {
      const route = held.shift()
      if (route) await answer(page, route)
      await drawn(page)
    }
    return page.evaluate<Shift[]>('shifts')
  }
}

async function answer(page: Page, route: Route): Promise<void> {
  const request = route.request()
  await page.evaluate(`answered = ${JSON.stringify(new URL(request.url()).pathname.replace('/api/v1', ''))}`)
  await route.continue()
  await (await request.response())?.finished()
}

const isStream = (request: Request): boolean => /\/stream($|[?])/.test(request.url())

const isThere = (page: Page): Promise<boolean> =>
  page.evaluate(`!!document.querySelector('main h1') && !document.querySelector('[aria-busy=true]')`)

const drawn = (page: Page): Promise<unknown> =>
  page.evaluate('new Promise((done) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done))))')

/** Runs in the page. What moves because somebody pressed something is meant to. */
const watchShifts = `
  globalThis.shifts = []
  globalThis.answered = 'nothing'
  {
    const nameOf = (node) => {
      const element = node instanceof Element ? node : node?.parentElement
      if (!element) return 'something that is gone'
      const names = [...element.classList].filter((name) => !/^(m_|mantine)/.test(name))
      return [element.localName, ...names].join('.') + ' "' + element.textContent.slice(0, 24) + '"'
    }
    const place = ({ x, y, width, height }) => [x, y, width, height].map(Math.round).join(' ')
    new PerformanceObserver((list) => {
      for (const { value, hadRecentInput, sources } of list.getEntries()) {
        const moved = sources.map(
          ({ node, previousRect, currentRect }) => nameOf(node) + ': ' + place(previousRect) + ' -> ' + place(currentRect),
        )
        if (!hadRecentInput) shifts.push({ score: value, after: answered, moved })
      }
    }).observe({ type: 'layout-shift', buffered: true })
  }
`
