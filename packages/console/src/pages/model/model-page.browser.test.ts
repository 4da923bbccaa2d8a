import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

const corpus = join(import.meta.dirname, '../../../../../test/model-corpus')

describeConsole('models', (console) => {
  test('uploads a file and a folder, shows what they are, compares them, and names a version', async () => {
    const { client, open } = console()
    const page = await open('/models')
    await page.getByText('No models yet.').waitFor()
    await page.getByRole('button', { name: 'Upload model' }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox', { name: 'Name' }).fill('no/name')
    await dialog.getByText('letters, digits, dots').waitFor()
    await dialog.getByRole('textbox', { name: 'Name' }).fill('digits')
    await dialog.getByLabel('File of the model').setInputFiles(join(corpus, 'onnx/model/digits.onnx'))
    await dialog.getByText('digits.onnx: 1 file').waitFor()
    await dialog.getByText('nabla model upload digits digits.onnx').waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await dialog.getByRole('button', { name: 'Upload' }).click()

    await page.getByRole('heading', { name: 'digits' }).waitFor()
    await page.getByText('nabla-corpus 1.0').waitFor()
    await page.getByRole('region', { name: 'Lineage' }).getByText('digits:1').waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await page.getByRole('tab', { name: 'Signature & layers' }).click()
    await page.getByRole('region', { name: 'Inputs' }).getByText('[batch, 64]').waitFor()
    await page.getByRole('cell', { name: 'fc1.weight' }).waitFor()
    await page.getByRole('tab', { name: 'Graph' }).click()
    await page.getByRole('button', { name: 'Relu relu' }).click()
    await page.getByRole('heading', { name: 'Relu' }).waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])

    await page.getByRole('button', { name: 'New version' }).click()
    await dialog.getByLabel('Folder of the model').setInputFiles(join(corpus, 'tensorflow/model'))
    await dialog.getByText('4 files').waitFor()
    await dialog.getByRole('button', { name: 'Upload' }).click()
    await page.getByRole('tab', { name: 'Versions' }).click()
    await page.getByRole('row', { name: /v2 ready.*TensorFlow/ }).waitFor()
    await page.getByRole('tab', { name: 'Compare' }).click()
    await page.getByRole('row', { name: 'Format ONNX TensorFlow SavedModel' }).waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])

    await client.model.setAlias({ model: 'digits', alias: 'champion', body: { version: '1' } })
    await page.getByText('champion v1').first().waitFor()
    await page.getByRole('button', { name: 'Actions for digits', exact: true }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).waitFor()
    await page.keyboard.press('Escape')
    await client.model.deleteAlias({ model: 'digits', alias: 'champion' })
    await client.model.delete({ model: 'digits' })
  })
})
