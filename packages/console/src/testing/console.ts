import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { noBrowser, openBrowser, openWindow, type WindowOptions } from './browser.ts'
import { type Served, startServed } from './served.ts'

/** A server and a browser that looks at it. */
export interface TestConsole extends Served {
  /** A window of its own, signed in unless told otherwise, at an address of the console. It is closed after the test. */
  open(path: string, options?: WindowOptions & { signedIn?: boolean }): Promise<Page>
}

/**
 * Declares the browser tests of a page: one server and one browser for all of them. No page may throw, or try what its
 * policy refuses. Skipped, with the reason in its name, where there is no browser.
 */
export function describeConsole(
  name: string,
  define: (console: () => TestConsole) => void,
  options: { seeded?: boolean } = {},
): void {
  if (noBrowser !== undefined) {
    describe.skip(`${name} (${noBrowser})`, () => define(() => undefined as never))
    return
  }
  describe(name, () => {
    let served: Served
    let browser: Browser
    const windows: { context: BrowserContext; complaints: string[] }[] = []
    beforeAll(async () => {
      ;[served, browser] = await Promise.all([startServed(options), openBrowser()])
    })
    afterEach(async () => {
      const closed = windows.splice(0)
      await Promise.all(closed.map(({ context }) => context.close()))
      expect(closed.flatMap(({ complaints }) => complaints)).toEqual([])
    })
    afterAll(async () => {
      await browser?.close()
      await served?.close()
    })
    define(() => ({
      ...served,
      async open(path, { signedIn = true, ...window } = {}) {
        const { context, page, complaints } = await openWindow(browser, window)
        windows.push({ context, complaints })
        if (signedIn) await served.signIn(context)
        await page.goto(served.url + path)
        return page
      },
    }))
  })
}
