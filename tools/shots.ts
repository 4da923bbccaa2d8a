/**
 * Takes a picture of every page of the console into `shots/`: `npm run shots`, or `npm run shots -- projects` for those
 * whose names begin so. The servers are real and made for it, their engine is not. A page that cannot be shown does not
 * keep the others from it: all are named at the end, and the exit code is 1. It takes some eight minutes.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { noBrowser, openBrowser, openWindow } from '../packages/console/src/testing/browser.ts'
import { type Served, startServed } from '../packages/console/src/testing/served.ts'
import { type Shot, shots, type ShotServer } from '../packages/console/src/testing/shots.ts'
import { seedData } from './seed-data.ts'
import { seedDeployments } from './seed-deployments.ts'
import { seedMedia } from './seed-media.ts'
import { seedModels } from './seed-models.ts'
import { seedExperiments, seedRuns } from './seed-runs.ts'
import { seedNotebooks } from './seed-notebooks.ts'
import { seedSweeps } from './seed-sweeps.ts'
import { seedWorkflows } from './seed-workflows.ts'

const folder = join(import.meta.dirname, '../shots')
const sizes = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
]
const schemes = ['light', 'dark'] as const

/**
 * What puts there what the pages show, beside projects and jobs; it returns what ends it, where something has to. Each
 * has a server of its own: the machine that the engine pretends to be has no place for all at once.
 */
const seeds: Readonly<Record<ShotServer, (served: Served) => Promise<(() => void) | void>>> = {
  empty: async () => undefined,
  async main({ client, url, key }) {
    await seedRuns(client)
    await seedMedia({ client, url, key })
    await seedExperiments(client)
    await seedSweeps(client)
  },
  async data(served) {
    await seedData(served.client)
    await seedModels(served)
  },
  notebooks: ({ client, server }) => seedNotebooks(client, server),
  deployments: ({ client }) => seedDeployments(client),
  workflows: ({ client, server }) => seedWorkflows(client, server),
}

/** What is not as it should be, one line each. */
const troubles: string[] = []
let pictures = 0

if (noBrowser !== undefined) throw new Error(noBrowser)
const names = process.argv.slice(2)
const isChosen = ({ name }: Shot) => names.length === 0 || names.some((begin) => name.startsWith(begin))
const all = Object.values(shots).flat()
if (!all.some(isChosen)) {
  throw new Error(`No page is called ${names.join(' or ')}. There are: ${all.map(({ name }) => name).join(', ')}.`)
}
if (names.length === 0) rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const browser = await openBrowser()
try {
  for (const on of Object.keys(shots) as ShotServer[]) await takeAll(on)
} finally {
  await browser.close()
}
console.log(`\n${pictures} pictures of ${all.filter(isChosen).length} pages in ${folder}`)
for (const trouble of troubles) console.log(trouble)
if (troubles.length > 0) process.exitCode = 1

async function takeAll(on: ShotServer): Promise<void> {
  const own = shots[on].filter(isChosen)
  if (own.length === 0) return
  const served = await startServed({ seeded: on !== 'empty' })
  let end: (() => void) | void = undefined
  try {
    end = await seeds[on](served)
    for (const shot of own) {
      for (const size of sizes) await take(served, shot, size)
      console.log(shot.name)
    }
  } catch (error) {
    troubles.push(`server ${on}: ${firstLine(error)}`)
  } finally {
    end?.()
    await served.close()
  }
}

/** One page in one size, in both themes. What it comes to is taken too where something goes wrong on the way. */
async function take(served: Served, shot: Shot, size: { width: number; height: number }): Promise<void> {
  const { context, page, complaints } = await openWindow(browser, { ...size, scheme: 'light' })
  const file = `${shot.name}-${size.width}`
  try {
    if (shot.signedIn !== false) await served.signIn(context)
    await open(page, served.url + shot.path, shot)
  } catch (error) {
    complaints.push(firstLine(error))
  }
  for (const scheme of schemes) {
    await page.emulateMedia({ colorScheme: scheme })
    await page.waitForTimeout(300)
    await page.screenshot({ path: join(folder, `${file}-${scheme}.png`) })
    pictures += 1
  }
  const over = await page.evaluate<number>(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  )
  if (over > 0) complaints.push(`${over} px wider than the window`)
  troubles.push(...complaints.map((complaint) => `${file}: ${complaint}`))
  await context.close()
}

async function open(page: Page, address: string, { prepare }: Shot): Promise<void> {
  await page.goto(address)
  await page.waitForLoadState('load')
  await page.locator('h1').first().waitFor()
  await prepare?.(page)
  await page.locator('[aria-busy=true]').first().waitFor({ state: 'hidden' })
  await page.evaluate('document.fonts.ready')
}

const firstLine = (error: unknown): string => String(error).split('\n')[0]!
