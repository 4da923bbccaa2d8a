import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noBrowser, openBrowser } from '../../packages/console/src/testing/browser.ts'
import { jupyterFiles } from '../../packages/server/src/jupyter/task-files.ts'
import { proxyLabels, type ProxyOptions } from './support/jupyter-proxy.ts'
import { pythonWith } from './support/python.ts'
import { until } from './support/server-process.ts'

/** Real JupyterLab in a real browser, behind the proxy; what is killed here is the proxy, as a server would be. */
const python = noBrowser === undefined ? await pythonWith('jupyter') : null
const reason = noBrowser ?? (python === null ? 'JupyterLab could not be installed' : undefined)

describe.skipIf(reason !== undefined)(`output of a kernel${reason === undefined ? '' : ` (${reason})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-jupyter-'))
  const work = join(folder, 'work')
  const programs: ChildProcess[] = []
  let browser: Browser
  let options: ProxyOptions
  let proxy: ChildProcess

  const startProxy = async () => {
    const program = join(import.meta.dirname, 'support/jupyter-proxy.ts')
    proxy = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] })
    programs.push(proxy)
    await once(proxy.stdout!, 'data')
  }
  const killProxy = async () => {
    proxy.kill('SIGKILL')
    await once(proxy, 'exit')
  }
  const tickets = async () => (await (await fetch(`http://127.0.0.1:${options.port}/tickets`)).json()) as string[]
  /** What the cell that counts has counted, by a file that it writes. */
  const counted = () => Number(readFileSync(join(work, 'count'), 'utf8') || 0)
  const counts = (beyond: number) => until(() => expect(counted()).toBeGreaterThan(beyond), 60_000)

  beforeAll(async () => {
    const [port, jupyterPort] = [await freePort(), await freePort()]
    options = { data: join(folder, 'data'), port, jupyter: { port: jupyterPort, token: 'a'.repeat(48) } }
    for (const path of [work, options.data, join(folder, 'generated')]) mkdirSync(path)
    for (const [name, text] of Object.entries(jupyterFiles())) writeFileSync(join(folder, 'generated', name), text)
    writeFileSync(join(folder, 'generated/config.py'), settings(folder, options))
    writeFileSync(join(work, 'a.ipynb'), JSON.stringify(document))
    writeFileSync(join(work, 'count'), '')
    const flags = ['-m', 'jupyterlab', `--config=${join(folder, 'generated/config.py')}`]
    programs.push(
      spawn(python!, flags, { cwd: work, stdio: 'ignore', env: { ...process.env, HOME: folder, TMPDIR: folder } }),
    )
    await until(async () => {
      const answer = await fetch(`http://127.0.0.1:${jupyterPort}/api/status?token=${options.jupyter.token}`)
      expect(answer.status).toBe(200)
    }, 120_000)
    await startProxy()
    browser = await openBrowser()
  }, 300_000)

  afterAll(async () => {
    await browser?.close()
    for (const program of programs) program.kill('SIGTERM')
    const left = programs.filter((one) => one.exitCode === null && one.signalCode === null)
    await Promise.all(left.map((one) => once(one, 'exit')))
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  }, 60_000)

  test('is there in whole, whoever looked, and whatever was killed meanwhile', { timeout: 300_000 }, async () => {
    const context = await browser.newContext()
    const open = async (): Promise<Page> => {
      const page = await context.newPage()
      page.setDefaultTimeout(60_000)
      await page.goto((await tickets())[0]!)
      await page.getByText(/\| (Idle|Busy)$/).waitFor()
      return page
    }
    const cell = (page: Page, index: number) => page.locator('.jp-Notebook .jp-CodeCell').nth(index)
    const output = (page: Page, index: number) => cell(page, index).locator('.jp-Cell-outputArea')
    const run = async (page: Page, index: number) => {
      await cell(page, index).locator('.cm-content').click()
      await page.keyboard.press('Shift+Enter')
    }
    const shows = (page: Page, tick: number) => output(page, 1).getByText(`tick ${tick}.`).waitFor()
    const ticksIn = (text: string) => [...text.matchAll(/tick (\d+)\./g)].map((match) => Number(match[1]))

    let page = await open()
    await run(page, 0)
    await output(page, 0).locator('img').waitFor()
    const xsrf = (await context.cookies(page.url())).find(({ name }) => name === '_xsrf')?.value ?? ''
    const asked = { line: 'echo $((6*7)) in $PWD', xsrf, host: new URL(page.url()).host }
    expect(await page.evaluate(inTerminal, asked)).toContain(`42 in ${work}`)
    await run(page, 1)
    await shows(page, 3)

    // Nobody looks: it is in the file.
    await page.close()
    await until(() => {
      const { cells } = JSON.parse(readFileSync(join(work, 'a.ipynb'), 'utf8')) as typeof document
      expect(ticksIn(JSON.stringify(cells[1]!.outputs)).slice(0, 4)).toEqual([0, 1, 2, 3])
      expect(JSON.stringify(cells[0]!.outputs)).toContain('image/png')
    }, 60_000)

    // Somebody comes back while it runs, and the server is killed before their eyes.
    page = await open()
    const seen = counted()
    await counts(seen + 2)
    await shows(page, seen + 2)
    await killProxy()
    await counts(counted() + 3)
    const missed = counted()
    await startProxy()
    await shows(page, missed)
    expect(await page.evaluate(reach, `http://${proxyLabels[1]}.localhost:${options.port}`)).toEqual([
      'refused',
      'refused',
    ])

    // The server is killed, the page is closed, and somebody else looks when it is over.
    await killProxy()
    await page.close()
    await counts(counted() + 3)
    writeFileSync(join(work, 'stop'), '')
    await startProxy()
    page = await open()
    await output(page, 1).getByText('counted').waitFor()
    const ticks = ticksIn(await output(page, 1).innerText())
    expect(ticks).toEqual(Array.from({ length: counted() + 1 }, (_, tick) => tick))
    await cell(page, 1).locator('.jp-InputPrompt', { hasText: '[2]:' }).waitFor()
    await run(page, 2)
    await output(page, 2).getByText('still here').waitFor()
    await page.keyboard.press('Control+s')
    await until(() => expect(readFileSync(join(work, 'a.ipynb'), 'utf8')).toContain('still here'), 60_000)
    expect(await page.locator('.jp-Dialog').count()).toBe(0)
    await context.close()
    expect(existsSync(join(work, 'stop'))).toBe(true)
  })
})

/** In the page: what a terminal answers. */
async function inTerminal({ line, xsrf, host }: { line: string; xsrf: string; host: string }): Promise<string> {
  const made = await fetch('/api/terminals', { method: 'POST', headers: { 'x-xsrftoken': xsrf } })
  const { name } = (await made.json()) as { name: string }
  const socket = new WebSocket(`ws://${host}/terminals/websocket/${name}`)
  let said = ''
  return new Promise((resolve, reject) => {
    socket.addEventListener('error', () => reject(new Error('the terminal cannot be reached')))
    setTimeout(() => reject(new Error(`the terminal said only ${JSON.stringify(said)}`)), 30_000)
    socket.addEventListener('open', () => socket.send(JSON.stringify(['stdin', `${line}\r`])))
    socket.addEventListener('message', ({ data }) => {
      const [kind, text] = JSON.parse(String(data)) as [string, string]
      if (kind === 'stdout') said += text
      if (/42 in [^\r\n]*\r/.test(said)) resolve(said)
    })
  })
}

/** In the page: whether it gets at its neighbour, by a request and by a socket. */
async function reach(origin: string): Promise<string[]> {
  const asked = await fetch(`${origin}/api/kernels`, { credentials: 'include' }).then(
    () => 'answered',
    () => 'refused',
  )
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/api/events/subscribe`)
  const joined = await new Promise<string>((resolve) => {
    socket.addEventListener('open', () => resolve('joined'))
    socket.addEventListener('error', () => resolve('refused'))
  })
  return [asked, joined]
}

const cellOf = (id: string, source: string) => ({
  id,
  cell_type: 'code',
  metadata: {},
  execution_count: null,
  outputs: [] as unknown[],
  source,
})

const document = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } },
  cells: [
    cellOf('plot', '%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()'),
    cellOf(
      'count',
      'import os, time\ntick = 0\nwhile True:\n' +
        '    print(f"tick {tick}.", flush=True)\n    open("count", "w").write(str(tick))\n' +
        '    if os.path.exists("stop"): break\n    tick += 1\n    time.sleep(0.5)\nprint("counted")',
    ),
    cellOf('after', 'print("still " + "here")'),
  ],
}

const settings = (folder: string, { jupyter: { port, token } }: ProxyOptions) => `
c = get_config()
load_subconfig("${folder}/generated/outputs_config.py")
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = ${port}
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.allow_root = True
c.ServerApp.allow_remote_access = True
c.ServerApp.root_dir = "${folder}/work"
c.IdentityProvider.token = "${token}"
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
`

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
