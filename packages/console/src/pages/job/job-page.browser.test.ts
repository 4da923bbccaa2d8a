import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { packTar } from '@nabla/server/volumes/tar-writer'
import { expect, onTestFinished, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole, type TestConsole } from '../../testing/console.ts'

describeConsole('the page of a job', (console) => {
  test('says what it is and how it went, and is stopped where one stands', async () => {
    const { client, open } = console()
    const job = await aRunningJob(console(), 'to-stop', 'print=hello')
    const page = await open(`/jobs/${job}?tab=settings`)
    await page.getByRole('heading', { name: 'to-stop' }).waitFor()
    await page.getByText('secret HF_TOKEN').waitFor()
    await page.getByText('nabla run --project pages --name to-stop --machine-type small').waitFor()
    await page.getByText('YAML').click()
    await page.getByText('machineType: small').waitFor()
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click()
    await page.getByRole('status').getByText('Cancelled').waitFor()
    await page.getByRole('button', { name: 'Stop', exact: true }).waitFor({ state: 'detached' })
    await page.getByRole('tab', { name: 'Events' }).click()
    await page.getByRole('list', { name: 'Events' }).getByText('was asked to stop').waitFor()
    await client.job.delete({ job })
    await page.getByText('This job was deleted').waitFor()
  })

  test('a failed phase and its sentence; the place in the queue and why', async () => {
    const { client, open } = console()
    const { id } = await client.job.create({ body: { project: 'pages', command: 'run=10ms exit=3' } })
    await client.job.wait({ job: id })
    const page = await open(`/jobs/${id}`)
    await page.getByText('Failed, exit code 3').waitFor()
    await page.getByRole('list', { name: 'Phases' }).getByText('Run failed').waitFor()
    await page.getByText('The command ended with exit code 3.').waitFor()
    const { items } = await client.job.list({ state: 'pending', limit: 1 })
    await page.goto(`${console().url}/jobs/${items[0]!.id}`)
    await page.getByText(/Next in the queue|Place \d+ in the queue/).waitFor()
  })

  test('a long log: any line at once, found by the server, followed until one scrolls up', async () => {
    const { open, server } = console()
    const job = await aRunningJob(console(), 'long-log')
    const lines = 300_000
    const write = (text: string) => appendFileSync(join(server.deps.logs.partDir(job, 1), 'stdout'), text)
    const text = Array.from({ length: lines }, (_, index) => `\u001B[32mstep ${index + 1}\u001B[0m of many\n`)
    text[199_999] = 'ValueError: a needle\n'
    text[12_344] = 'another Needle\n'
    write(text.join(''))
    await expect.poll(() => server.deps.logs.lastSeq(job), { timeout: 10_000 }).toBe(lines)
    const page = await open(`/jobs/${job}`)
    const line = (number: number) => page.locator(`[data-line="${number}"]`)
    await line(lines).waitFor()
    write('one more\n')
    await line(lines + 1)
      .getByText('one more')
      .waitFor()
    await page.getByRole('region', { name: 'Log', exact: true }).focus()
    await page.keyboard.press('Home')
    await line(1).getByText('step 1', { exact: true }).waitFor()
    write('unseen\n')
    await page.getByRole('button', { name: '1 new' }).waitFor()

    await page.getByRole('searchbox', { name: 'Search the log' }).fill('needle')
    await page.getByText('2 found').waitFor()
    await page.keyboard.press('Enter')
    await line(12_345).locator('mark').getByText('Needle').waitFor()
    await page.getByText('1 of 2').waitFor()
    expect(new URL(page.url()).search).toBe('?find=needle&line=12345')
    await page.getByRole('button', { name: 'Next error' }).click()
    await line(200_000).getByText('ValueError').waitFor()
    await page.getByRole('button', { name: 'Only these' }).click()
    await page.getByText('2 of 300,002 lines').waitFor()
    await page.getByRole('searchbox', { name: 'Search the log' }).fill('')
    await page.getByRole('button', { name: '1 new' }).click()
    await line(lines + 2)
      .getByText('unseen')
      .waitFor()
    expect(await page.locator('.log-line').count()).toBeLessThan(100)
    expect(await findBarriersInBothThemes(page)).toEqual([])

    await page.goto(`${console().url}/jobs/${job}?line=150000-150002`)
    await line(150_001).waitFor()
    expect(await page.locator('.log-selected').count()).toBe(3)
  })

  test('a line of 64 KB is cut until somebody asks for it', async () => {
    const { open, server } = console()
    const job = await aRunningJob(console(), 'wide-log')
    appendFileSync(join(server.deps.logs.partDir(job, 1), 'stdout'), `${'x'.repeat(60_000)}END\n`)
    const page = await open(`/jobs/${job}`)
    await page.getByRole('button', { name: 'all 60,003 characters' }).click()
    await page.getByRole('dialog').getByText(/xEND$/).waitFor()
  })

  test('charts are drawn live, zoomed by keyboard in the address, and there as a table', async () => {
    const { client, open } = console()
    const { items } = await client.job.list({ name: 'long-training' })
    const job = items[0]!.id
    await expect
      .poll(async () => (await client.job.metrics({ job })).series.length, { timeout: 20_000 })
      .toBeGreaterThan(2)
    const page = await open(`/jobs/${job}?tab=metrics`)
    const chart = page.getByRole('figure', { name: 'Processor' })
    await chart.locator('canvas').waitFor()
    await chart.getByRole('group').focus()
    await page.keyboard.press('+')
    await page.waitForURL(/from=\d+.*to=\d+/)
    await page.getByRole('button', { name: 'Show all' }).click()
    await page.waitForURL(/tab=metrics$/)
    await chart.getByRole('button', { name: 'Table' }).click()
    await chart.getByRole('rowheader', { name: 'cores in use', exact: true }).waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
  })

  test('nothing runs of what an artifact brings along', async () => {
    const { open } = console()
    const job = await aRunningJob(console(), 'hostile')
    const script = 'fetch("/api/v1/jobs?stolen"),top.stolen=1,parent.stolen=1'
    const onError = `<img src="nothing" onerror='${script}'>`
    const names = [
      'evil.svg',
      'evil.html',
      'evil.ipynb',
      'evil.json',
      'evil.csv',
      `${onError.replaceAll('/', '_')}.txt`,
    ]
    await putArtifacts(console(), job, {
      'evil.svg': `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload='${script}'><script>${script}</script></svg>`,
      'evil.html': `<h1>Report</h1><script>${script}</script>${onError}<form action="/api/v1/jobs"></form>`,
      'evil.ipynb': JSON.stringify({
        cells: [
          { cell_type: 'markdown', source: [`<script>${script}</script>`, onError] },
          {
            cell_type: 'code',
            source: onError,
            outputs: [
              { output_type: 'display_data', data: { 'text/html': onError, 'text/plain': 'plain' } },
              { output_type: 'display_data', data: { 'image/png': `x" onerror="${script}` } },
              {
                output_type: 'display_data',
                data: { 'image/svg+xml': `<svg xmlns="http://www.w3.org/2000/svg" onload='${script}'/>` },
              },
            ],
          },
        ],
      }),
      'evil.json': JSON.stringify({ [onError]: onError, __proto__: null }),
      'evil.csv': `a,"${onError.replaceAll('"', '""')}"\n=1+1,${onError}\n`,
      [names.at(-1)!]: onError,
    })
    const page = await open(`/jobs/${job}?tab=artifacts`)
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    for (const name of names) {
      await page.getByRole('button', { name }).click()
      const preview = page.getByRole('region', { name: 'Preview' })
      await preview.getByRole('heading', { name }).waitFor()
      if (name === 'evil.html') await page.frameLocator('iframe').getByRole('heading', { name: 'Report' }).waitFor()
      else if (name === 'evil.svg') await preview.getByRole('img', { name: 'evil.svg' }).waitFor()
      else await preview.getByText('onerror', { exact: false }).first().waitFor()
    }
    expect(await page.evaluate('globalThis.stolen')).toBeUndefined()
    expect(asked.filter((url) => url.includes('?stolen') || url === `${console().url}/jobs/nothing`)).toEqual([])
    expect(await findBarriersInBothThemes(page)).toEqual([])
  })

  test('jobs side by side: what differs, and in which lines of which files', async () => {
    const { client, open } = console()
    const first = await aJobWithFiles(console(), 'one', {
      'train.py': 'lr = 1\nprint(lr)\n',
      'same.txt': 'x',
      'requirements.txt': 'numpy==1.0\n',
    })
    const second = await aJobWithFiles(console(), 'two', {
      'train.py': 'lr = 2\nprint(lr)\n',
      'same.txt': 'x',
      'requirements.txt': 'numpy==2.0\n',
      'new.py': 'y\n',
    })
    await Promise.all([first, second].map((job) => client.job.wait({ job })))
    const page = await open(`/jobs/compare?ids=${first},${second}`)
    await page.getByRole('row', { name: /LR 0.1 0.2/ }).waitFor()
    await page.getByRole('row', { name: /numpy ==1.0 ==2.0/ }).waitFor()
    await page.getByText('3 files differ.').waitFor()
    await page.getByRole('button', { name: /changed train.py/ }).click()
    const diff = page.getByRole('region', { name: 'Differences in train.py' })
    await diff.getByText('lr = 1').waitFor()
    await diff.getByText('lr = 2').waitFor()
    await expect(page.getByRole('row', { name: /^Image/ }).count()).resolves.toBe(0)
    await page.getByRole('switch', { name: 'Only differences' }).click()
    await page.getByRole('row', { name: /Image host host/ }).waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])

    await page.goto(`${console().url}/jobs/${first}?tab=workspace`)
    await page.getByRole('button', { name: /train.py/ }).click()
    await page.getByRole('region', { name: 'train.py' }).getByText('lr = 1').waitFor()
  })
})

/** A job that runs until the test is over. */
async function aRunningJob({ client }: TestConsole, name: string, words = ''): Promise<string> {
  const command = `run=3600s ${words}`
  const body = { project: 'pages', name, command, machineType: 'small', env: { TOKEN: 'secret:HF_TOKEN' } }
  const { id } = await client.job.create({ body: { ...body, priority: 100 } })
  onTestFinished(async () => {
    await client.job.delete({ job: id, force: 'true' }).catch(() => undefined)
  })
  await client.job.wait({ job: id, state: 'running' })
  return id
}

async function aJobWithFiles({ client }: TestConsole, name: string, files: Record<string, string>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-files-'))
  writeAll(folder, files)
  const body = new Uint8Array(await buffer(packTar(folder)))
  rmSync(folder, { recursive: true })
  const { id } = await client.workspace.upload({ body })
  const env = { LR: name === 'one' ? '0.1' : '0.2' }
  const workspace = { from: 'upload' as const, id }
  return (await client.job.create({ body: { project: 'pages', name, command: 'run=10ms', env, workspace } })).id
}

/** What a job on a real engine would write into its artifacts folder. */
async function putArtifacts({ server }: TestConsole, job: string, files: Record<string, string>): Promise<void> {
  const { db, volumes } = server.deps
  const row = await db.selectFrom('jobs').select('artifactsId').where('id', '=', job).executeTakeFirstOrThrow()
  writeAll(volumes.volumeDir(row.artifactsId), files)
}

function writeAll(folder: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}
