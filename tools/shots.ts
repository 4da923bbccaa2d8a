/**
 * Takes a picture of every page of the console into `shots/`: `npm run shots`, or `npm run shots -- projects` for those
 * whose names begin so. The server is real, its engine is not.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { noBrowser, openBrowser, openWindow } from '../packages/console/src/testing/browser.ts'
import { startServed } from '../packages/console/src/testing/served.ts'
import { type Shot, shots } from '../packages/console/src/testing/shots.ts'
import { seedDeployments } from './seed-deployments.ts'
import { seedExperiments, seedRuns } from './seed-runs.ts'
import { seedNotebooks } from './seed-notebooks.ts'
import { seedSweeps } from './seed-sweeps.ts'

const folder = join(import.meta.dirname, '../shots')
const sizes = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
]

if (noBrowser !== undefined) throw new Error(noBrowser)
const names = process.argv.slice(2)
const chosen = shots.filter(({ name }) => names.length === 0 || names.some((begin) => name.startsWith(begin)))
mkdirSync(folder, { recursive: true })
const served = await startServed()
// First, so that it has its place; only if it is looked at, so that others have theirs.
const looksAtDeployments = chosen.some(({ name }) => name.startsWith('deployment'))
const endProgram = looksAtDeployments ? await seedDeployments(served.client) : () => undefined
await seedRuns(served.client)
await seedExperiments(served.client)
await seedSweeps(served.client)
await seedNotebooks(served.client, served.server)
const browser = await openBrowser()
try {
  for (const shot of chosen) {
    for (const size of sizes) for (const scheme of ['light', 'dark'] as const) await take(shot, { ...size, scheme })
    console.log(shot.name)
  }
} finally {
  endProgram()
  await browser.close()
  await served.close()
}

async function take(shot: Shot, window: { width: number; height: number; scheme: 'light' | 'dark' }): Promise<void> {
  const { context, page, complaints } = await openWindow(browser, window)
  if (shot.signedIn !== false) await served.signIn(context)
  await page.goto(served.url + shot.path)
  await page.waitForLoadState('load')
  await page.locator('h1').first().waitFor()
  await shot.prepare?.(page)
  await page.locator('[aria-busy=true]').first().waitFor({ state: 'hidden' })
  await page.evaluate('document.fonts.ready')
  await page.waitForTimeout(300)
  await page.screenshot({ path: join(folder, `${shot.name}-${window.width}-${window.scheme}.png`) })
  for (const complaint of complaints) console.log(`${shot.name}: ${complaint}`)
  await context.close()
}
