import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterEach, expect, test } from 'vitest'
import { describeConsole, type TestConsole } from '../testing/console.ts'
import { type CutLine, startCutLine } from '../testing/cut-line.ts'

const linesOf = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}\n`).join('')

describeConsole('when things go wrong', (console) => {
  let line: CutLine | undefined
  afterEach(async () => {
    await line?.close()
    line = undefined
  })

  test('a log that is followed goes on after a cut connection, with no line lost or told twice', async () => {
    const { server, open, url, client } = console()
    const job = await aRunningJob(console(), 'followed')
    const write = (text: string) => appendFileSync(join(server.deps.logs.partDir(job, 1), 'stdout'), text)
    write(linesOf(1, 60))
    await expect.poll(() => server.deps.logs.lastSeq(job)).toBe(60)
    line = await startCutLine(url)
    const page = await open('/')
    await page.goto(`${line.url}/jobs/${job}`)
    await page.getByText('line 60', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Connection: live' }).waitFor()

    line.cutAfter(1, 1200)
    await page.evaluate('fetch("/api/v1/users/me").then(() => {}, () => {})')
    await page.getByText(/Offline, trying again in \d+ s/).waitFor()
    write(linesOf(61, 90))
    await client.job.update({ job, body: { name: 'renamed meanwhile' } })
    await page.getByRole('button', { name: 'Connection: live' }).waitFor()
    await page.getByRole('heading', { name: 'renamed meanwhile' }).waitFor()
    write(linesOf(91, 120))
    await page.getByText('line 120', { exact: true }).waitFor()
    await page.getByText('120 lines').waitFor()
    await expectInOrder(page)
    await page.getByRole('region', { name: 'Log', exact: true }).focus()
    for (let turn = 0; turn < 8; turn++) {
      await page.keyboard.press('PageUp')
      await expectInOrder(page)
    }
    await page.getByText('line 1', { exact: true }).waitFor()
  })

  test('a team is changed: nothing of the other is left, and what happens in this one is heard', async () => {
    const { open, client } = console()
    await client.team.create({ body: { name: 'فريق الرؤية' } })
    const page = await open('/jobs')
    await page.getByRole('row', { name: /long-training/ }).waitFor()
    await page.getByRole('button', { name: 'Team main' }).click()
    await page.getByRole('menuitem', { name: /فريق الرؤية/ }).click()
    await page.getByRole('button', { name: 'Team فريق الرؤية' }).waitFor()
    await page.getByRole('navigation').getByRole('link', { name: 'Jobs' }).click()
    await page.getByText('No jobs yet.').waitFor()
    expect(await page.getByText('long-training').count()).toBe(0)
    await page.getByRole('navigation').getByRole('link', { name: 'Projects' }).click()
    await page.getByRole('button', { name: 'Connection: live' }).waitFor()
    const headers = '{"content-type": "application/json"}'
    await page.evaluate(`fetch("/api/v1/projects", {method: "POST", headers: ${headers}, body: '{"name": "ours"}'})`)
    await page.getByRole('row', { name: /ours/ }).waitFor()
  })

  test('the longest names, of both directions, and as many tags as may be, fit on a phone', async () => {
    const { open, client, url } = console()
    const name = `${'unbroken'.repeat(9)} مرحبا بالعالم`
    const project = `${'مشروع'.repeat(15)} <b>x`
    const tags = Array.from({ length: 30 }, (_, index) => `tag-${index}-`.padEnd(60, 'x'))
    await client.project.create({ body: { name: project, tags } })
    const { id } = await client.job.create({ body: { name, project, tags, command: `run=3600s ${'x'.repeat(3000)}` } })
    const page = await open('/', { width: 390, height: 844 })
    const addresses = ['/', '/jobs', `/jobs/${id}`, `/jobs/${id}?tab=settings`, `/jobs/new?from=${id}`, '/projects']
    for (const path of [...addresses, `/projects/${encodeURIComponent(project)}`, '/activity']) {
      await page.goto(url + path)
      await page.getByRole('heading').first().waitFor()
      await page.locator('[aria-busy=true]').first().waitFor({ state: 'hidden' })
      expect(await page.evaluate(`document.documentElement.scrollWidth`), path).toBeLessThanOrEqual(390)
    }
    await client.job.delete({ job: id, force: 'true' })
  })

  test('the server is started anew: the page says so, stays, and then tells what became of the job', async () => {
    const { open, restart } = console()
    const job = await aRunningJob(console(), 'lost-with-it')
    const page = await open(`/jobs/${job}`)
    await page.getByRole('status').getByText('Running').waitFor()
    await page.getByRole('button', { name: 'Connection: live' }).waitFor()
    await page.evaluate('globalThis.stayed = true')
    const [said] = await Promise.all([page.getByText(/Offline, trying again/).waitFor(), restart()])
    expect(said).toBeUndefined()
    await page.getByRole('button', { name: 'Connection: live' }).waitFor({ timeout: 20_000 })
    // The fake engine does not outlive the server, so its tasks are lost: that is what is to be heard.
    await page.getByRole('status').getByText('Running').waitFor({ state: 'detached', timeout: 20_000 })
    expect(await page.evaluate('globalThis.stayed')).toBe(true)
    await page.getByRole('tab', { name: 'Events' }).click()
    await page.getByRole('list', { name: 'Events' }).getByText('started').first().waitFor()
  }, 60_000)
})

/** The lines in sight have the numbers that they say, one after the other. */
async function expectInOrder(page: Page): Promise<void> {
  const shown = await page.evaluate<{ seq: number; text: string }[]>(`[...document.querySelectorAll('[data-line]')]
    .map((line) => ({ seq: Number(line.dataset.line), text: line.querySelector('.log-text').textContent }))`)
  expect(shown.length).toBeGreaterThan(5)
  expect(shown.map(({ seq }) => `line ${seq}`)).toEqual(shown.map(({ text }) => text))
  expect(shown.map(({ seq }) => seq)).toEqual(shown.map((_, index) => shown[0]!.seq + index))
}

async function aRunningJob({ client }: TestConsole, name: string): Promise<string> {
  const body = { project: 'luck', name, command: 'run=3600s', machineType: 'small', priority: 100 }
  const { id } = await client.job.create({ body })
  await client.job.wait({ job: id, state: 'running' })
  return id
}
