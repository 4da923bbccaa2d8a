import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { openJupyter } from './notebook.ts'
import { type ServerProcess, until } from './server-process.ts'

/** What there is in a page, as far as the programs below use it: the types of browsers would change those of all files. */
declare const document: {
  cookie: string
  createElement(name: 'iframe'): EventTarget
  body: { append(...frames: readonly EventTarget[]): void }
}
declare const window: { opener: unknown }
declare const location: { origin: string }

/** What a hostile page came to. */
interface Lured {
  address: string
  /** What it read, or did, that it must not; one sentence each. */
  said: string[]
  /** What came of frames that it opened: how the console refuses to be in one, and what a notebook answered. */
  frames: { console: string | undefined; notebook: number }
  /** What it sees of its visitor without asking anybody. */
  page: { cookie: string; hasOpener: boolean; origin: string }
  /** Of the notebook that it tried to get at, before it did. */
  terminalsBefore: unknown
  /** Of its visitor. */
  secrets: string[]
}

/** A browser in which the first admin is signed in at the console, by both names of this machine. */
export async function openPages(browser: Browser, server: ServerProcess) {
  const context = await browser.newContext()
  const { port } = new URL(server.url)
  const consoles = [server.url, `http://localhost:${port}`]
  for (const origin of consoles) await signIn(context, origin, server.key)
  return {
    /** As one who clicks at its page in the console. */
    async openClassic(notebook: string): Promise<Page> {
      const page = await context.newPage()
      page.setDefaultTimeout(30_000)
      await page.goto(`${consoles[1]}/notebooks/${notebook}`)
      await page.getByRole('button', { name: 'More actions' }).click()
      const item = page.getByRole('menuitem', { name: 'Open classic interface' })
      const [classic] = await Promise.all([context.waitForEvent('page'), item.click()])
      classic.setDefaultTimeout(60_000)
      // On a busy machine a sheet of style may come too late for its patience; it says so in front of everything.
      const theme = classic.getByRole('dialog', { name: /^Error Loading Theme/ })
      await classic.addLocatorHandler(theme, () => theme.getByRole('button').last().click())
      return classic
    },
    /** Runs it as a user does, who tries again where the page was not ready and nothing happened. */
    async runFirstCell(classic: Page): Promise<void> {
      const cell = classic.locator('.jp-Notebook .jp-CodeCell').first()
      await until(async () => {
        await cell.locator('.cm-content').click()
        await classic.getByRole('button', { name: /^Run this cell/ }).click()
        await cell.locator('.jp-InputPrompt').getByText('[*]').waitFor({ timeout: 10_000 })
      })
    },
    /** How far the loop has counted, by the file that it writes, whether a server runs or not. */
    counted(): number {
      const volumes = join(server.data, 'volumes')
      const path = readdirSync(volumes).map((name) => join(volumes, name, 'count'))
      return Math.max(...path.map(numberIn))
    },
    /** Has the page of one notebook try all it can with the browser of somebody who has another one open. */
    async lureTo(notebook: string, victim: string): Promise<Lured> {
      const [hostile, other] = await Promise.all(
        [notebook, victim].map((one) => server.client.notebook.open({ notebook: one, body: { path: '/lured' } })),
      )
      if (!hostile || !other) throw new Error('there is no address')
      const { ask } = await openJupyter(server, victim)
      const terminalsBefore: unknown = JSON.parse((await ask('GET', '/api/terminals')).text)
      const own = await context.newPage()
      await own.goto(other.url)
      const page = await context.newPage()
      await page.goto(hostile.url)
      const answers = new Map<string, { status: number; frameOptions: string | undefined }>()
      page.on('response', (answer) => {
        const frameOptions = answer.headers()['x-frame-options']
        answers.set(new URL(answer.url()).origin + new URL(answer.url()).pathname, {
          status: answer.status(),
          frameOptions,
        })
      })
      const victimOrigin = new URL(other.address).origin
      const asked = { consoles, victim: victimOrigin, programs: other.programAddress, notebook: victim }
      const said = await page.evaluate(attack, asked)
      const framed = [`${consoles[1]}/notebooks`, `${victimOrigin}/lab`]
      await page.evaluate(openFrames, framed)
      const cookies = await context.cookies()
      return {
        address: hostile.address,
        said,
        frames: {
          console: answers.get(framed[0]!)?.frameOptions,
          notebook: answers.get(framed[1]!)?.status ?? 0,
        },
        page: await page.evaluate(() => ({
          cookie: document.cookie,
          hasOpener: window.opener !== null,
          origin: location.origin,
        })),
        terminalsBefore,
        secrets: [server.key, hostile.token, other.token, ...cookies.filter(isOurs).map(({ value }) => value)],
      }
    },
    /** Whether the console still knows its user. */
    async isSignedIn(): Promise<boolean> {
      const page = await context.newPage()
      await page.goto(`${consoles[1]}/notebooks`)
      const answer = await page.evaluate(async () => (await fetch('/api/v1/notebooks')).status)
      return answer === 200
    },
    async [Symbol.asyncDispose]() {
      await context.close()
    },
  }
}

const isOurs = ({ name }: { name: string }): boolean => /nabla_/.test(name)

async function signIn(context: BrowserContext, origin: string, key: string): Promise<void> {
  const headers = { origin, 'sec-fetch-site': 'same-origin' }
  const answer = await context.request.post(`${origin}/api/v1/sessions`, { data: { key }, headers })
  if (!answer.ok()) throw new Error(`signing in failed: ${await answer.text()}`)
}

function numberIn(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8'))
  } catch {
    return -1
  }
}

interface Asked {
  consoles: string[]
  victim: string
  programs: string
  notebook: string
}

/** In the page: what it can read, or join, with the cookies of whoever looks at it. */
async function attack({ consoles, victim, programs, notebook }: Asked): Promise<string[]> {
  const said: string[] = []
  const credentials = 'include' as const
  const read = async (url: string) => {
    const text = await fetch(url, { credentials }).then(
      (answer) => answer.text(),
      () => '',
    )
    if (text !== '') said.push(`it read ${url}: ${text.slice(0, 100)}`)
  }
  const send = (url: string, body: object) =>
    fetch(url, { method: 'POST', mode: 'no-cors', credentials, body: JSON.stringify(body) }).catch(() => undefined)
  const join = (url: string) =>
    new Promise<void>((resolve) => {
      const socket = new WebSocket(url.replace('http', 'ws'))
      socket.addEventListener('open', () => {
        said.push(`it joined ${url}`)
        resolve()
      })
      socket.addEventListener('error', () => resolve())
    })
  for (const origin of consoles) {
    await read(`${origin}/api/v1/notebooks`)
    await read(`${origin}/api/v1/notebooks/${notebook}`)
    await send(`${origin}/api/v1/projects`, { name: 'stolen' })
    await send(`${origin}/api/v1/notebooks/${notebook}/stop`, {})
    await send(`${origin}/api/v1/notebooks/${notebook}/open`, {})
  }
  for (const base of [`${victim}/`, programs]) {
    await read(`${base}api/contents`)
    await send(`${base}api/terminals`, {})
    await join(`${base}api/events/subscribe`)
    await join(`${base}terminals/websocket/1`)
  }
  for (const name of ['nabla_session', 'nabla_app']) document.cookie = `${name}=evil; domain=localhost; path=/`
  return said
}

/** In the page: resolves once both have been loaded, or refused. */
async function openFrames(addresses: string[]): Promise<void> {
  const frames = addresses.map((address) => Object.assign(document.createElement('iframe'), { src: address }))
  const loaded = frames.map((frame) => new Promise((resolve) => frame.addEventListener('load', resolve)))
  document.body.append(...frames)
  await Promise.all(loaded)
}
