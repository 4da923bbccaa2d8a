import { randomBytes } from 'node:crypto'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'
import { type CutLine, startCutLine } from '../../testing/cut-line.ts'

const MiB = 1024 * 1024
const large = randomBytes(40 * MiB)

describeConsole('the storage', (console) => {
  let folder: string
  let line: CutLine | undefined
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nabla-upload-'))
    writeFileSync(join(folder, 'large.bin'), large)
    mkdirSync(join(folder, 'tree/deep'), { recursive: true })
    writeFileSync(join(folder, 'tree/one.txt'), 'one')
    writeFileSync(join(folder, 'tree/deep/two.txt'), 'two')
  })
  afterEach(async () => {
    await line?.close()
    line = undefined
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const digest = createHash('sha256').update(large).digest('hex')

  test('makes, renames, moves and deletes, and takes back what can be', async () => {
    const { client, open } = console()
    const page = await open('/data')
    await page.getByRole('row', { name: /datasets/ }).waitFor()
    await page.getByRole('button', { name: 'Actions for this folder' }).click()
    await page.getByRole('menuitem', { name: 'New folder' }).click()
    await page.getByLabel('Name').fill('a/b')
    await page.getByText('A name has no slash.').waitFor()
    await page.getByLabel('Name').fill('runs')
    await page.getByText('nabla storage mkdir runs').waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('row', { name: /runs/ }).waitFor()

    await client.storage.put({ path: 'plan.txt', body: 'words' })
    await page.reload()
    await page.getByRole('link', { name: 'plan.txt' }).dragTo(page.getByRole('row', { name: /runs/ }))
    await page.getByText('Moved plan.txt to runs').waitFor()
    await page.getByRole('row', { name: /plan.txt/ }).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByRole('row', { name: /plan.txt/ }).waitFor()

    await page.getByRole('button', { name: 'Actions for plan.txt' }).click()
    await page.getByRole('menuitem', { name: 'Rename or move' }).click()
    await page.getByRole('combobox', { name: 'New path' }).fill('runs/deep/plan.md')
    await page.getByText('nabla storage mv plan.txt runs/deep/plan.md').waitFor()
    await page.getByRole('button', { name: 'Move', exact: true }).click()
    await page.getByRole('row', { name: /plan.txt/ }).waitFor({ state: 'detached' })

    await page.getByRole('link', { name: 'runs', exact: true }).click()
    await page.getByRole('heading', { name: 'runs' }).waitFor()
    await page.getByRole('link', { name: 'deep', exact: true }).click()
    await page.getByRole('link', { name: 'plan.md' }).click()
    const file = page.getByRole('dialog', { name: 'plan.md' })
    await file.getByText('5 B').waitFor()
    await file.getByRole('button', { name: 'Compute' }).click()
    await file.getByText(createHash('sha256').update('words').digest('hex')).waitFor()
    expect(new URL(page.url()).pathname).toBe('/data/storage/runs/deep')
    await page.keyboard.press('Escape')
    await page.getByRole('link', { name: 'Storage', exact: true }).last().click()

    await page.getByRole('button', { name: 'Actions for runs' }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    const sure = page.getByRole('dialog', { name: 'Delete folder runs?' })
    await sure.getByText('1 file').waitFor()
    await sure.getByLabel('Type runs to go on').fill('runs')
    await sure.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('row', { name: /runs/ }).waitFor({ state: 'detached' })
    await expect(client.storage.list({ path: 'runs' })).rejects.toMatchObject({ code: 'file_not_found' })
  })

  test('shows names that are odd or hostile as what they are', async () => {
    const { client, open } = console()
    const names = [
      '100% #1?a=b&c',
      '<img src=x onerror=alert(1)>.html',
      "it's $HOME `x`",
      'עברית',
      '..%2f..',
      'n'.repeat(200),
    ]
    for (const name of names) await client.storage.put({ path: `odd/${name}/${name}`, body: 'x' })
    const page = await open('/data/storage/odd')
    for (const name of names) {
      await page.getByRole('link', { name, exact: true }).click()
      await page.getByRole('heading', { name, exact: true }).waitFor()
      // The rows of the folder before stay until those of this one are there, and one has the same name.
      await page.getByRole('grid').getByText('1 B').waitFor()
      await page.getByRole('grid').getByRole('link', { name, exact: true }).click()
      await page.getByRole('dialog', { name, exact: true }).getByText('1 B').waitFor()
      await page.reload()
      await page.getByRole('dialog', { name, exact: true }).getByText('1 B').waitFor()
      await page.goto(`${console().url}/data/storage/odd`)
    }
    expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true)
  })

  test('uploads folders and files, and asks before it replaces one', async () => {
    const { client, open } = console()
    const page = await open('/data/storage')
    await page.getByLabel('Folder to upload').setInputFiles(join(folder, 'tree'))
    await page.getByText('Uploaded 2 files').waitFor()
    await page.getByRole('row', { name: /tree/ }).waitFor()
    expect(await (await client.storage.get({ path: 'tree/deep/two.txt' })).text()).toBe('two')

    await page.goto(`${console().url}/data/storage/tree`)
    await page.getByRole('row', { name: /one.txt/ }).waitFor()
    const file = { name: 'one.txt', mimeType: 'text/plain', buffer: Buffer.from('new') }
    await page.getByLabel('Files to upload').setInputFiles(file)
    const ask = page.getByRole('dialog', { name: 'Replace what is there?' })
    await ask.getByText('tree/one.txt').waitFor()
    await ask.getByRole('button', { name: 'Replace' }).click()
    await page.getByText('Uploaded 1 file').waitFor()
    expect(await (await client.storage.get({ path: 'tree/one.txt' })).text()).toBe('new')
  })

  test('carries on with a large file after the connection was cut', async () => {
    const { client, open, url } = console()
    line = await startCutLine(url)
    const page = await open('/data/storage')
    await page.goto(`${line.url}/data/storage`)
    await page.getByRole('row', { name: /datasets/ }).waitFor()
    const before = line.sentBytes()
    line.cutAfter(21 * MiB, 1500)
    await page.getByLabel('Files to upload').setInputFiles(join(folder, 'large.bin'))
    await page.getByText('connection lost').waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await page.getByText('Uploaded 1 file').waitFor({ timeout: 30_000 })
    expect((await client.storage.checksum({ path: 'large.bin' })).sha256).toBe(digest)
    expect(line.sentBytes() - before).toBeLessThan(large.byteLength + 10 * MiB)
    await client.storage.delete({ path: 'large.bin' })
  })

  test('carries on after a reload when the same file is chosen again', async () => {
    const { client, open, url } = console()
    line = await startCutLine(url)
    const page = await open('/data/storage')
    page.on('dialog', (dialog) => void dialog.accept())
    await page.goto(`${line.url}/data/storage`)
    await page.getByRole('row', { name: /datasets/ }).waitFor()
    line.cutAfter(21 * MiB, 60_000_000)
    await page.getByLabel('Files to upload').setInputFiles(join(folder, 'large.bin'))
    await page.getByText('connection lost').waitFor()
    await line.close()
    line = await startCutLine(url)
    // Another port is another origin, so the memory of this browser is carried over.
    const kept = await page.evaluate('localStorage.getItem("nabla.uploads")')
    await page.goto(`${line.url}/data/storage`)
    await page.evaluate(`localStorage.setItem("nabla.uploads", ${JSON.stringify(kept)})`)
    await page.reload()
    const other = page.getByLabel('The file large.bin again')
    await other.setInputFiles(join(folder, 'tree/one.txt'))
    await page.getByText('That is another file').waitFor()
    const before = line.sentBytes()
    await other.setInputFiles(join(folder, 'large.bin'))
    await page.getByText('Uploaded 1 file').waitFor({ timeout: 30_000 })
    expect((await client.storage.checksum({ path: 'large.bin' })).sha256).toBe(digest)
    expect(line.sentBytes() - before).toBeLessThan(25 * MiB)
  })

  test('says what does not fit, and goes on with the rest', async () => {
    const page = await console().open('/data/storage')
    await page.getByRole('row', { name: /datasets/ }).waitFor()
    const buffer = Buffer.from('x')
    await page.getByLabel('Files to upload').setInputFiles([
      { name: 'datasets', mimeType: 'text/plain', buffer },
      { name: 'fine.txt', mimeType: 'text/plain', buffer },
    ])
    await page.getByRole('button', { name: 'Replace' }).click()
    await page.getByRole('alert').waitFor()
    await page.getByRole('row', { name: /fine.txt/ }).waitFor()
    await page.getByRole('button', { name: 'Cancel datasets' }).click()
  })

  test('shows what takes the space, by keyboard and as a table', async () => {
    const { client, open } = console()
    for (const [name, size] of [
      ['a', 3],
      ['b', 2],
      ['c', 1],
    ] as const) {
      await client.storage.put({ path: `use/${name}/part.bin`, body: Buffer.alloc(size * MiB, 1) })
    }
    const page = await open('/data/storage/use?view=usage')
    const map = page.getByRole('group', { name: 'What takes the space' })
    await map.getByRole('link', { name: /^a 3.1 MB, 1 file/ }).focus()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Home')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'a', exact: true }).waitFor()
    await map.getByRole('link', { name: /part.bin/ }).waitFor()
    await page.goBack()
    await page.getByText('Table').click()
    await page.getByRole('row', { name: /a 3\.\d MB 50\.\d %/ }).waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
  })

  test('has no barriers', async () => {
    const { client, open } = console()
    const page = await open('/data/storage/datasets')
    await page.getByRole('row', { name: /README/ }).waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await page.getByRole('link', { name: 'README.txt' }).click()
    await page.getByRole('dialog').getByText('Modified').waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await client.storage.makeFolder({ body: { path: 'nothing' } })
    await page.goto(`${console().url}/data/storage/nothing`)
    await page.getByText('This folder is empty.').waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
  })
})
