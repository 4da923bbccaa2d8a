import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

/** Debian's own: no browser is downloaded. */
const program = '/usr/bin/chromium'

/** Goes into the name of what is skipped where there is no browser. */
export const noBrowser = existsSync(program) ? undefined : `there is no ${program}`

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--hide-scrollbars',
]

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: program, args: flags })
}

export interface WindowOptions {
  width?: number
  height?: number
  scheme?: 'light' | 'dark'
}

/**
 * A window with cookies of its own. What the page throws, or its policy refuses, is noted in `complaints`; what is refused
 * to a file that somebody made is as it should be.
 */
export async function openWindow(
  browser: Browser,
  { width = 1440, height = 900, scheme = 'light' }: WindowOptions = {},
): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    const isOfContent = message.location().url.startsWith('http://content.localhost:')
    if (/Content.Security.Policy/.test(message.text()) && !isOfContent) complaints.push(message.text())
  })
  return { context, page, complaints }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What is wrong with the page for those who use it by keyboard, by ear or with weak sight: `rule: where`. */
export async function findBarriers(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  return page.evaluate(async () => {
    const run = (globalThis as unknown as { axe: { run: (options: object) => Promise<AxeResult> } }).axe.run
    const { violations } = await run({
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    })
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`))
  })
}

interface AxeResult {
  violations: { id: string; nodes: { html: string; failureSummary: string }[] }[]
}

/** The same in light and in dark. */
export async function findBarriersInBothThemes(page: Page): Promise<string[]> {
  const found: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor()
    found.push(...(await findBarriers(page)).map((barrier) => `${colorScheme}: ${barrier}`))
  }
  return found
}
