import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

describeConsole('datasets', (console) => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nabla-dataset-'))
    mkdirSync(join(folder, 'faces/deep'), { recursive: true })
    writeFileSync(join(folder, 'faces/one.txt'), 'one')
    writeFileSync(join(folder, 'faces/deep/two.txt'), 'two')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('makes a dataset of a folder and a version of the storage, and tags it', async () => {
    const { client, open } = console()
    const page = await open('/data/datasets')
    await page.getByText('No datasets yet').waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await page.getByRole('button', { name: 'New dataset' }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('fa ces')
    await dialog.getByText('letters, digits').waitFor()
    await dialog.getByLabel('Name').fill('faces')
    await dialog.getByLabel('Folder of the version').setInputFiles(join(folder, 'faces'))
    await dialog.getByText('2 files, 6 B').waitFor()
    await dialog.getByLabel('Message').fill('The first')
    await dialog.getByText("nabla dataset push faces ./faces -m 'The first'").waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await dialog.getByRole('button', { name: 'Make dataset' }).click()
    await page.getByRole('heading', { name: 'faces' }).waitFor()
    await page.getByRole('row', { name: /v1 Ready.*latest.*The first/ }).waitFor()

    await client.storage.put({ path: 'more/one.txt', body: 'two' })
    await client.storage.put({ path: 'more/three.txt', body: 'three' })
    await page.getByRole('button', { name: 'New version' }).click()
    await dialog.getByText('Storage', { exact: true }).click()
    await dialog.getByRole('combobox', { name: 'File or folder in storage' }).fill('more')
    await dialog.getByText('nabla dataset import faces storage:more').waitFor()
    await dialog.getByRole('button', { name: 'Make version' }).click()
    const second = page.getByRole('row', { name: /v2 Ready/ })
    await second.waitFor()

    await second.getByRole('button', { name: 'Actions for v2' }).click()
    await page.getByRole('menuitem', { name: 'Tag' }).click()
    await dialog.getByRole('combobox', { name: 'Tags' }).fill('prod')
    await page.keyboard.press('Enter')
    await dialog.getByText('nabla dataset tag faces:2 prod').waitFor()
    await dialog.getByRole('button', { name: 'Save' }).click()
    await second.getByText('prod').waitFor()
    expect((await client.dataset.version({ dataset: 'faces', version: 'prod' })).version).toBe(2)
    expect(await findBarriersInBothThemes(page)).toEqual([])
  })

  test('shows files, what differs, and how a job reads it; deletes it', async () => {
    const { client, open } = console()
    const made: [string, string][] = [
      ['v1/one.txt', 'one'],
      ['v1/two.txt', 'two'],
      ['v1/same.txt', 'same'],
      ['v2/one.txt', 'eno'],
      ['v2/three.txt', 'three'],
      ['v2/same.txt', 'same'],
    ]
    for (const [path, body] of made) await client.storage.put({ path, body })
    for (const path of ['v1', 'v2']) {
      await client.dataset.commit({ dataset: 'words', body: { source: { from: 'storage', path } } })
    }
    const page = await open('/data/datasets/words')
    await page.getByRole('row', { name: /v2 Ready/ }).waitFor()
    await page.getByRole('tab', { name: 'Compare' }).click()
    await page.getByText('1 added, 1 removed, 1 changed').waitFor()
    await page.getByRole('list', { name: 'Differences' }).getByText('~ changed').waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])

    await page.getByRole('tab', { name: 'Files' }).click()
    await page.getByRole('button', { name: /three.txt/ }).click()
    await page.getByRole('region', { name: 'Preview' }).getByText('three', { exact: true }).waitFor()
    await page.getByRole('tab', { name: 'Use' }).click()
    await page.getByText('nabla run --dataset words:2 -- python train.py').waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])

    await page.getByRole('tab', { name: 'Versions' }).click()
    await client.dataset.deleteVersion({ dataset: 'words', version: '1' })
    await page.getByRole('row', { name: /v1 Ready/ }).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Actions for words' }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Type words to go on').fill('words')
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('heading', { name: 'Datasets' }).waitFor()
    await expect(client.dataset.show({ dataset: 'words' })).rejects.toMatchObject({ code: 'not_found' })
  })

  test('shows why a version could not be fetched', async () => {
    const { client, open } = console()
    await client.dataset.create({ body: { name: 'remote' } })
    const page = await open('/data/datasets/remote')
    await page.getByText('No versions yet.').waitFor()
    await page.getByRole('button', { name: 'New version' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Address', { exact: true }).click()
    await dialog.getByRole('textbox', { name: 'Address' }).fill('ftp://example.com')
    await dialog.getByRole('button', { name: 'Make version' }).click()
    await dialog.getByText('The address begins with http').waitFor()
    await dialog.getByRole('textbox', { name: 'Address' }).fill('http://127.0.0.1:1/data.tar')
    await dialog.getByRole('textbox', { name: 'Expected SHA-256' }).fill('0'.repeat(64))
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await dialog.getByRole('button', { name: 'Make version' }).click()
    const failed = page.getByRole('row', { name: /v1 Failed/ })
    await dialog.locator('.error-note').or(failed).first().waitFor()
  })
})
