import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Job } from '@nabla/api/job'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

describeConsole('the form that makes a job', (console) => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nabla-form-'))
    mkdirSync(join(folder, 'code', 'node_modules', 'left-pad'), { recursive: true })
    mkdirSync(join(folder, 'code', 'data'))
    mkdirSync(join(folder, 'code', '.venv'))
    const files = {
      'train.py': 'print(1)\n',
      'run.sh': '#!/bin/sh\necho hello\n',
      'empty.txt': '',
      'big.bin': Buffer.alloc(3_000_000, 'abcdefghij-'),
      '.gitignore': '*.log\n/data/raw/\n',
      'noise.log': 'x',
      'data/تمرين.txt': 'y',
      'node_modules/left-pad/index.js': 'z',
      '.venv/pyvenv.cfg': 'home = /usr/bin',
    }
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, 'code', name), content)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const command = (page: Page) => page.getByRole('textbox', { name: 'Command' })
  const choose = (page: Page, label: string) => page.locator('label', { hasText: new RegExp(`^${label}$`) }).click()

  async function made(page: Page): Promise<Job> {
    await page.waitForURL(/\/jobs\/j\w{16}$/)
    return console().client.job.show({ job: page.url().split('/').at(-1)! })
  }

  const pathsOf = async (job: Job) =>
    (await console().client.workspace.list({ job: job.id, recursive: 'true' })).items.map(({ path }) => path).toSorted()

  test('a command and enter is enough', async () => {
    const page = await console().open('/jobs/new')
    await page.getByText('free now').first().waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await command(page).fill('run=1s')
    await page.keyboard.press('Enter')
    expect(await made(page)).toMatchObject({
      spec: { command: 'run=1s' },
      project: { name: 'default' },
      workspace: null,
    })
  })

  test('says what is wrong as one types, and everything can be said', async () => {
    const page = await console().open('/jobs/new?project=digits')
    await page.getByRole('button', { name: 'Start job' }).click()
    await page.locator('[aria-invalid=true]').first().waitFor()
    await command(page).fill('run=1s')
    await page.getByText('large', { exact: true }).click()
    await page.getByRole('button', { name: 'Variable' }).click()
    await page.getByRole('textbox', { name: 'Name of the variable' }).fill('1x')
    await page.getByText('not starting with a digit').waitFor()
    await page.getByRole('textbox', { name: 'Name of the variable' }).fill('TOKEN')
    await page.getByRole('combobox', { name: 'Value of TOKEN' }).fill('secret:')
    await page.getByRole('option', { name: 'secret:HF_TOKEN' }).click()
    await page.locator('summary').click()
    await page.getByLabel('Time limit').fill('soon')
    await page.getByText('Write it like 90s').waitFor()
    await page.getByLabel('Time limit').fill('1h30m')
    await page.getByLabel('Retries').fill('2')
    await page.getByLabel('Model to make').fill('made/here')
    await page.getByText('letters, digits, dots').waitFor()
    await page.getByLabel('Model to make').fill('made-here')
    await page.getByLabel('Path of the model').fill('/artifacts/out')
    await page.getByLabel('Type of the model').fill('ONNX')
    const line =
      'nabla run --workspace none --project digits --machine-type large --model-name made-here ' +
      '--model-path out --model-type ONNX --secret TOKEN=HF_TOKEN --time-limit 1h30m --retries 2 -- run=1s'
    await page.getByText(line).waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await page.getByRole('button', { name: 'Start job' }).click()
    expect(await made(page)).toMatchObject({
      machineType: 'large',
      spec: {
        env: { TOKEN: 'secret:HF_TOKEN' },
        timeLimitSeconds: 5400,
        retries: 2,
        model: { name: 'made-here', path: 'out', type: 'ONNX' },
      },
    })
  })

  test('sends a folder that is chosen, but what rules leave out; what is there does not travel again', async () => {
    const page = await console().open('/jobs/new')
    await command(page).fill('run=1s')
    await choose(page, 'Folder')
    const chooser = page.waitForEvent('filechooser')
    await page.getByRole('button', { name: 'Choose a folder' }).click()
    await (await chooser).setFiles(join(folder, 'code'))
    const preview = page.getByRole('group', { name: 'What travels' })
    await preview.getByText(/^6 files, 3\.\d MB/).waitFor()
    await preview.getByText('noise.log').waitFor()
    await preview.getByText('a virtual environment').waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await page.getByRole('combobox', { name: 'Leave out' }).fill('*.txt')
    await page.keyboard.press('Enter')
    await preview.getByText(/^4 files, 3\.\d MB/).waitFor()
    await page.getByRole('button', { name: 'Start job' }).click()
    const job = await made(page)
    expect(await pathsOf(job)).toEqual(['.gitignore', 'big.bin', 'data', 'run.sh', 'train.py'])
    const file = await console().client.workspace.get({ job: job.id, path: 'big.bin' })
    expect(Buffer.from(await file.arrayBuffer()).equals(Buffer.alloc(3_000_000, 'abcdefghij-'))).toBe(true)

    const sent: number[] = []
    page.on('request', (request) => request.method() === 'PUT' && sent.push(request.postDataBuffer()?.length ?? 0))
    await page.goto(`${console().url}/jobs/new`)
    await command(page).fill('run=2s')
    await choose(page, 'Folder')
    await page.locator('input[webkitdirectory]').setInputFiles(join(folder, 'code'))
    await preview.getByText(/^6 files, 3\.\d MB/).waitFor()
    await page.getByRole('button', { name: 'Start job' }).click()
    expect(await pathsOf(await made(page))).toContain('empty.txt')
    expect(sent.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(5000)
  })

  test('takes a folder that is dropped, and carries on after the connection dropped', async () => {
    const page = await console().open('/jobs/new')
    await command(page).fill('run=1s')
    await page.getByText('Drop a folder').scrollIntoViewIfNeeded()
    const box = (await page.getByText('Drop a folder').boundingBox())!
    const session = await page.context().newCDPSession(page)
    const data = { items: [], files: [join(folder, 'code')], dragOperationsMask: 1 }
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await session.send('Input.dispatchDragEvent', { type, x: box.x + 5, y: box.y + 5, data })
    }
    await page.getByText(/^6 files, 3\.\d MB/).waitFor()
    let refused = 0
    await page.route('**/api/v1/trees/**', (route) =>
      ++refused <= 2 ? route.abort('connectionreset') : route.continue(),
    )
    await page.getByRole('button', { name: 'Start job' }).click()
    await page.getByText('The server does not answer').waitFor()
    const job = await made(page)
    expect(refused).toBeGreaterThan(2)
    expect(await pathsOf(job)).toContain('data/تمرين.txt')
  })

  test('sends an archive as it is', async () => {
    const page = await console().open('/jobs/new')
    await command(page).fill('run=1s')
    await choose(page, 'Archive')
    const chooser = page.waitForEvent('filechooser')
    await page.getByRole('button', { name: 'Choose an archive' }).click()
    await (await chooser).setFiles({ name: 'code.zip', mimeType: 'application/zip', buffer: zipOfOneFile })
    await page.getByText('nabla run --workspace code.zip').waitFor()
    await page.getByRole('button', { name: 'Start job' }).click()
    expect(await pathsOf(await made(page))).toEqual(['a.txt'])
  })

  test('fetches from git, and shows no token', async () => {
    const page = await console().open('/jobs/new')
    await command(page).fill('run=1s')
    await choose(page, 'Git')
    await page.getByRole('button', { name: 'Start job' }).click()
    await page.getByText('Give the address of a repository').waitFor()
    await page.getByLabel('Address').fill('https://git.example/me/code.git')
    await page.getByLabel('Branch, tag or commit').fill('main')
    await page.getByLabel('Token, or secret:NAME').fill('hunter2')
    await page.getByText('--workspace-ref main --workspace-password TOKEN').waitFor()
    await page.getByRole('button', { name: 'Start job' }).click()
    const job = await made(page)
    expect(job.spec.workspace).toMatchObject({ from: 'git', url: 'https://git.example/me/code.git', ref: 'main' })
  })

  test('is filled in from a line, YAML or JSON that is pasted', async () => {
    const page = await console().open('/jobs/new')
    await page.getByRole('button', { name: 'Paste…' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox').fill('nabla run -- echo $HOME')
    await dialog.getByRole('button', { name: 'Fill in' }).click()
    await dialog.getByText('is filled in by your shell').waitFor()
    await dialog.getByRole('textbox').fill(`nabla run --env 'A=x y' --retries 3 --project pasted -- 'run=1s # <b>'`)
    await dialog.getByRole('button', { name: 'Fill in' }).click()
    await page.getByText('choose the folder that the line is run in').waitFor()
    expect(await command(page).inputValue()).toBe('run=1s # <b>')
    expect(await page.getByRole('combobox', { name: 'Value of A' }).inputValue()).toBe('x y')
    expect(await page.getByLabel('Retries').inputValue()).toBe('3')
    await page.getByRole('button', { name: 'Paste…' }).click()
    await dialog.getByRole('textbox').fill('command: run=2s\nworkspace: {from: nothing}\ntags: [one]')
    await dialog.getByRole('button', { name: 'Fill in' }).click()
    await page.getByText('nabla run --workspace none --project pasted --tag one -- run=2s').waitFor()
    await page.getByRole('button', { name: 'Start job' }).click()
    expect(await made(page)).toMatchObject({ project: { name: 'pasted' }, tags: ['one'], spec: { env: {} } })
  })

  test('a job is cloned with changes', async () => {
    const { client, open } = console()
    const body = { project: 'digits', name: 'mother', command: 'run=1s', env: { A: '1' }, tags: ['kin'], retries: 1 }
    const mother = await client.job.create({ body })
    const page = await open('/jobs?name=mother')
    await page.getByRole('button', { name: 'Actions for mother' }).click()
    await page.getByRole('menuitem', { name: 'Clone with changes' }).click()
    await page.getByRole('heading', { name: 'Clone mother' }).waitFor()
    await command(page).fill('run=2s')
    await page.getByRole('combobox', { name: 'Value of A' }).fill('2')
    await page.getByText('large', { exact: true }).click()
    await page.getByText(`nabla job clone ${mother.id} --machine-type large --env A=2 -- run=2s`).waitFor()
    await page.getByRole('button', { name: 'Start clone' }).click()
    await page.waitForURL((url) => /\/jobs\/j\w{16}$/.test(url.pathname) && !url.pathname.endsWith(mother.id))
    expect(await made(page)).toMatchObject({
      parentJobId: mother.id,
      machineType: 'large',
      tags: ['kin'],
      spec: { command: 'run=2s', env: { A: '2' }, retries: 1 },
    })
  })

  test('what was typed is still there after the session ended', async () => {
    const { open, key } = console()
    const page = await open('/jobs/new')
    await command(page).fill('run=1s')
    await page.getByLabel('Name', { exact: true }).fill('kept')
    await page.context().clearCookies()
    await page.getByRole('button', { name: 'Start job' }).click()
    const again = page.getByRole('dialog', { name: 'Sign in again' })
    await again.getByLabel('API key').fill(key)
    await page.keyboard.press('Enter')
    expect(await made(page)).toMatchObject({ name: 'kept' })
  })
})

/** `a.txt` with `hello\n` in it, stored. */
const zipOfOneFile = Buffer.from(
  'UEsDBBQAAAAAAAAAIQAgMDo2BgAAAAYAAAAFAAAAYS50eHRoZWxsbwpQSwECFAMUAAAAAAAAACEAIDA6NgYAAAAGAAAABQAAAAAAAAAAAAAApAEAAAAAYS50eHRQSwUGAAAAAAEAAQAzAAAAKQAAAAAA',
  'base64',
)
