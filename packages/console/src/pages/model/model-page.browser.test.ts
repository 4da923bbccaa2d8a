import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

/** As tensorboardX 2.6.5 wrote it: its version, then the scalars `loss` 0.5 and `far` -2. */
const eventFile =
  'GAAAAAAAAACjf0siCfDirOm0wNpBGg1icmFpbi5FdmVudDoydtc2QxoAAAAAAAAAEpvYLQkAAAAAAAD4PxABKg0KCwoEbG9z' +
  'cxUAAAA/GKRDPSIAAAAAAAAAeBE9/QkAAAAAAAACQBD9//////////8BKgwKCgoDZmFyFQAAAMCBR5+Z'

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
    await page.getByRole('row', { name: /v2 Ready.*TensorFlow/ }).waitFor()
    await page.getByRole('tab', { name: 'Compare' }).click()
    await page.getByRole('row', { name: 'Format ONNX TensorFlow SavedModel' }).waitFor()
    await page.getByRole('row', { name: /^Graph 4: Gemm × 2, Relu, ArgMax/ }).waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])

    await client.model.setAlias({ model: 'digits', alias: 'champion', body: { version: '1' } })
    await page.getByText('champion v1').first().waitFor()
    await page.getByRole('button', { name: 'Actions for digits', exact: true }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).waitFor()
    await page.keyboard.press('Escape')
    await client.model.deleteAlias({ model: 'digits', alias: 'champion' })
    await client.model.delete({ model: 'digits' })
  })
  test('takes a folder that is dropped, and draws what reads and serves it', async () => {
    const { client, open } = console()
    const page = await open('/models')
    await page.getByRole('button', { name: 'Upload model' }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox', { name: 'Name' }).fill('dropped')
    const box = (await dialog.getByText('or drop one here').boundingBox())!
    const session = await page.context().newCDPSession(page)
    const data = { items: [], files: [join(corpus, 'tensorflow/model')], dragOperationsMask: 1 }
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await session.send('Input.dispatchDragEvent', { type, x: box.x + 5, y: box.y + 5, data })
    }
    await dialog.getByText('model: 4 files').waitFor()
    await dialog.getByRole('button', { name: 'Upload' }).click()
    const lineage = page.getByRole('region', { name: 'Lineage' })
    await lineage.getByText('dropped:1').waitFor()
    const job = await client.job.create({
      body: { command: 'run=1s', project: 'reads', models: [{ model: 'dropped' }] },
    })
    await page.reload()
    await lineage.getByRole('link', { name: job.name }).waitFor()
  })

  test('shows the metrics that it was given beside what its files come to', async () => {
    const { client, open } = console()
    const folder = await mkdtemp(join(tmpdir(), 'nabla-model-'))
    try {
      const first = Buffer.from(eventFile, 'base64')
      const second = Buffer.from(first)
      second.writeFloatLE(0.25, second.indexOf('loss') + 5)
      await writeFile(join(folder, 'events.out.tfevents.1.host'), Buffer.concat([first, second]))
      const page = await open('/models')
      await page.getByRole('button', { name: 'Upload model' }).first().click()
      const dialog = page.getByRole('dialog')
      await dialog.getByRole('textbox', { name: 'Name' }).fill('measured')
      await dialog.getByLabel('Folder of the model').setInputFiles(folder)
      await dialog.getByText('1 file').waitFor()
      await dialog.getByRole('button', { name: 'Upload' }).click()
      const metrics = page.getByRole('region', { name: 'Metrics' })
      await metrics.getByText('0.25 last of 2, from 0.25 to 0.5, mean 0.375').waitFor()
      await client.model.updateVersion({
        model: 'measured',
        version: '1',
        body: { metrics: [{ name: 'loss', value: 0.4 }] },
      })
      await page.reload()
      await metrics.getByText('0.4 in its files 0.25 last of 2, from 0.25 to 0.5, mean 0.375').waitFor()
      await metrics.getByText('-2 last of 2, from -2 to -2, mean -2').waitFor()
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('keys are trusted and removed; a project says which models its jobs may use', async () => {
    const { client, open } = console()
    const page = await open('/settings/model-keys')
    await page.getByText('No keys yet.').waitFor()
    await page.getByRole('button', { name: 'Add a key' }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox', { name: 'Name' }).fill('release')
    await dialog.getByRole('textbox', { name: 'Public key' }).fill('not a key')
    await dialog.getByRole('button', { name: 'Trust it' }).click()
    await dialog.getByText('no public key in PEM').waitFor()
    const { publicKey } = generateKeyPairSync('ed25519')
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    await dialog.getByRole('textbox', { name: 'Public key' }).fill(pem)
    await dialog.getByText('nabla model add-key release FILE').waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await dialog.getByRole('button', { name: 'Trust it' }).click()
    await page.getByRole('row', { name: /^release/ }).waitFor()
    expect((await client.model.listKeys({})).items).toMatchObject([{ name: 'release' }])
    await page.getByRole('button', { name: 'Actions for release' }).click()
    await page.getByRole('menuitem', { name: 'Remove' }).click()
    await dialog.getByRole('button', { name: 'Remove' }).click()
    await page.getByText('No keys yet.').waitFor()

    const { id } = await client.project.create({ body: { name: 'strict' } })
    const settings = await open(`/projects/${id}?tab=settings`)
    await settings.getByText('Any version may be used.').waitFor()
    await settings.locator('label', { hasText: /^Signed$/ }).click()
    await settings.getByText('Only versions that a key of the team has signed.').waitFor()
    await settings.getByText('nabla model rule strict --require signed').waitFor()
    expect(await client.model.showRule({ project: id })).toEqual({ require: 'signed' })
    expect(await findBarriersInBothThemes(settings)).toEqual([])
  })
})
