/**
 * Takes a picture of every page of the console into `shots/`: `npm run shots`, or `npm run shots -- projects` for those
 * whose names begin so. The server is real, its engine is not.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { noBrowser, openBrowser, openWindow } from '../packages/console/src/testing/browser.ts'
import { type Served, startServed } from '../packages/console/src/testing/served.ts'
import { type Shot, shots } from '../packages/console/src/testing/shots.ts'
import { seedData } from './seed-data.ts'
import { seedDeployments } from './seed-deployments.ts'
import { seedMedia } from './seed-media.ts'
import { seedExperiments, seedRuns } from './seed-runs.ts'
import { seedNotebooks } from './seed-notebooks.ts'
import { seedSweeps } from './seed-sweeps.ts'
import { seedWorkflows } from './seed-workflows.ts'

const folder = join(import.meta.dirname, '../shots')
const sizes = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
]

if (noBrowser !== undefined) throw new Error(noBrowser)
interface Group {
  holds(name: string): boolean
  /** Puts there what the pages show. Returns what ends it, where something has to. */
  seed(served: Served): Promise<(() => void) | void>
}

/** Pages of what the others have none of. */
const hasData = /^(datasets?|dataset-(files|compare|use|failed)|model-metrics|settings-model-keys-one)$/

/** Each on a server of its own: the machine that the engine pretends to be has no place for all at once. */
const groups: Group[] = [
  { holds: (name) => name.startsWith('deployment'), seed: ({ client }) => seedDeployments(client) },
  { holds: (name) => name.startsWith('notebook'), seed: ({ client, server }) => seedNotebooks(client, server) },
  { holds: (name) => name.startsWith('workflow'), seed: ({ client, server }) => seedWorkflows(client, server) },
  { holds: (name) => hasData.test(name), seed: ({ client }) => seedData(client) },
  {
    holds: (name) => !hasData.test(name) && !/^(deployment|notebook|workflow)/.test(name),
    async seed({ client, url, key }) {
      await seedRuns(client)
      await seedMedia({ client, url, key })
      await seedExperiments(client)
      await seedSweeps(client)
    },
  },
]

const names = process.argv.slice(2)
const chosen = shots.filter(({ name }) => names.length === 0 || names.some((begin) => name.startsWith(begin)))
mkdirSync(folder, { recursive: true })
const browser = await openBrowser()
try {
  for (const group of groups) await takeAll(group)
} finally {
  await browser.close()
}

async function takeAll({ holds, seed }: Group): Promise<void> {
  const own = chosen.filter(({ name }) => holds(name))
  if (own.length === 0) return
  const served = await startServed()
  const end = await seed(served)
  try {
    for (const shot of own) {
      for (const size of sizes) {
        for (const scheme of ['light', 'dark'] as const) await take(served, shot, { ...size, scheme })
      }
      console.log(shot.name)
    }
  } finally {
    end?.()
    await served.close()
  }
}

async function take(
  served: Served,
  shot: Shot,
  window: { width: number; height: number; scheme: 'light' | 'dark' },
): Promise<void> {
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
