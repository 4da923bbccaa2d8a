/**
 * Makes the pictures of the console that README and guides show: `npm run pictures`. The server and its jobs are real;
 * all that they leave is thrown away. It takes about two minutes.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import pino from 'pino'
import { type Client, createClient } from '@nabla/api/client'
import { startServer } from '@nabla/server'
import { loadConfig } from '@nabla/server/config'
import { noBrowser, openBrowser, openWindow } from '../packages/console/src/testing/browser.ts'
import { buildConsole } from './build-console.ts'

const root = join(import.meta.dirname, '..')
const size = { width: 1280, height: 800 }
/** How long the jobs have run when the pictures are taken: that much is in the charts. */
const chartMs = 60_000
const mostWaitMs = 120_000

/** Looks like training, and needs no packages. */
const train = `import argparse, math, random, time

options = argparse.ArgumentParser()
options.add_argument("--lr", type=float, default=0.1)
options.add_argument("--epochs", type=int, default=20)
options = options.parse_args()
random.seed(7)
print(f"training on 54000 images, testing on 6000, learning rate {options.lr}", flush=True)
kept = []
for epoch in range(1, options.epochs + 1):
    until = time.monotonic() + 0.2 + 0.3 * random.random()
    while time.monotonic() < until:
        sum(range(10000))
    time.sleep(0.4)
    kept.append(bytearray(3_000_000))
    loss = 2.3 * math.exp(-epoch * options.lr) + 0.05 * random.random()
    if options.lr > 2 and epoch == 4:
        raise ValueError("the loss is not a number: lower --lr")
    print(f"epoch {epoch:3d}  loss {loss:.4f}  accuracy {1 - loss / 2.6:.3f}", flush=True)
with open("/artifacts/model.txt", "w") as file:
    file.write("a model")
`

interface Picture {
  name: string
  path: string
  schemes: readonly ('light' | 'dark')[]
}

const pictures: readonly Picture[] = [
  { name: 'console', path: '/', schemes: ['light', 'dark'] },
  { name: 'console-job', path: '/jobs/rate-0.1', schemes: ['light'] },
  { name: 'console-metrics', path: '/jobs/rate-0.1?tab=metrics', schemes: ['light'] },
]

if (noBrowser !== undefined) throw new Error(noBrowser)
await buildConsole({ ifOlder: true })
const folder = mkdtempSync(join(tmpdir(), 'nabla-pictures-'))
const config = loadConfig({ data: join(folder, 'data'), port: 0 }, {})
const server = await startServer(config, { log: pino({ level: 'silent' }) })
const client = createClient({ url: server.url, key: server.firstKey! })
try {
  await fill()
  await delay(chartMs)
  await takeAll()
} finally {
  await stopAll(client)
  await server.close()
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** Some jobs that have ended, two that run, and two that wait. */
async function fill(): Promise<void> {
  const digits = folderOf('digits', { 'train.py': train, 'README.md': 'Digits, read by a small network.\n' })
  await run(digits, 'baseline', ['--tag', 'keep'], '--epochs 3')
  await run(digits, 'rate-3', [], '--lr 3')
  for (const job of ['baseline', 'rate-3']) await ended(client, job)
  await run(digits, 'rate-0.1', [], '--epochs 900')
  await run(digits, 'rate-0.3', [], '--lr 0.3 --epochs 900')
  await run(digits, 'rate-1', [], '--lr 1')
  await run(digits, 'wider', ['--machine-type', 'C2'], '--epochs 40')
}

function folderOf(name: string, files: Record<string, string>): string {
  const path = join(folder, name)
  mkdirSync(path)
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text)
  return path
}

async function run(cwd: string, name: string, options: readonly string[], rest: string): Promise<void> {
  await nabla(cwd, ['run', '--detach', '--name', name, ...options, '--', `python3 train.py ${rest}`])
}

async function nabla(cwd: string, args: readonly string[]): Promise<void> {
  const env = {
    ...process.env,
    NABLA_URL: server.url,
    NABLA_API_KEY: server.firstKey!,
    NABLA_CONFIG: join(folder, 'config.json'),
  }
  await promisify(execFile)(join(root, 'bin/nabla'), args, { cwd, env })
}

async function takeAll(): Promise<void> {
  const browser = await openBrowser()
  try {
    for (const { name, path, schemes } of pictures) {
      for (const scheme of schemes) {
        const { context, page } = await openWindow(browser, { ...size, scheme })
        const { code } = await client.session.createCode()
        await page.goto(`${server.url}/sign-in?next=${encodeURIComponent(path)}#code=${code}`)
        await page.locator('nav').first().waitFor()
        await page.locator('[aria-busy=true]').first().waitFor({ state: 'hidden' })
        await page.evaluate('document.fonts.ready')
        await page.waitForTimeout(3000)
        const file = schemes.length > 1 ? `${name}-${scheme}.png` : `${name}.png`
        await page.screenshot({ path: join(root, 'docs/images', file) })
        console.log(file)
        await context.close()
      }
    }
  } finally {
    await browser.close()
  }
}

async function stopAll(by: Client): Promise<void> {
  const { items } = await by.job.list({ limit: 100 })
  for (const { id, endedAt } of items) if (endedAt === null) await by.job.stop({ job: id, body: {} })
  for (const { id } of items) await ended(by, id)
}

async function ended(by: Client, job: string): Promise<void> {
  for (let waited = 0; waited < mostWaitMs; waited += 200) {
    if ((await by.job.show({ job })).endedAt !== null) return
    await delay(200)
  }
  throw new Error(`job ${job} does not end`)
}
