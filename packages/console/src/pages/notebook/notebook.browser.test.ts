import { expect, test } from 'vitest'
import { seedNotebooks } from '../../../../../tools/seed-notebooks.ts'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

describeConsole(
  'notebooks',
  (console) => {
    test('are listed, put off, looked into while stopped, shared, forked and deleted', async () => {
      const { client, open, server } = console()
      const page = await open('/notebooks')
      await page.getByText('No notebooks yet.').waitFor()
      await page.getByText('nabla notebook create').waitFor()
      await seedNotebooks(client, server)
      await page.getByRole('row', { name: /left-alone.*About to stop/ }).waitFor()
      await page.getByRole('button', { name: 'Open train-a-network' }).waitFor()
      expect(await findBarriersInBothThemes(page)).toEqual([])

      await page.getByRole('link', { name: 'left-alone' }).click()
      await page.getByText('Nobody seems to use it').waitFor()
      await page.getByRole('button', { name: 'One hour more' }).click()
      await page.getByText('Nobody seems to use it').waitFor({ state: 'detached' })
      expect(await findBarriersInBothThemes(page)).toEqual([])

      await page.goto(`${console().url}/notebooks/look-at-digits?tab=versions`)
      await page.getByRole('button', { name: 'Restore into a fork' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText('nabla notebook fork look-at-digits --version 1').waitFor()
      await dialog.getByLabel('Name of the fork').fill('back-again')
      await dialog.getByRole('button', { name: 'Make the fork' }).click()
      await page.getByRole('heading', { name: 'back-again' }).waitFor()
      await page.getByText('digits.ipynb').first().waitFor()
      await page.getByRole('button', { name: 'More actions' }).click()
      await page.getByRole('menuitem', { name: 'Delete' }).click()
      await dialog.getByLabel('Type back-again to go on').fill('back-again')
      await dialog.getByRole('button', { name: 'Delete' }).click()
      await page.getByRole('row', { name: /look-at-digits/ }).waitFor()
      expect((await client.notebook.list({ name: 'back-again' })).items).toEqual([])
    })

    test('show their log as it grows', async () => {
      const { open } = console()
      const page = await open('/notebooks/train-a-network?tab=logs')
      const log = page.getByRole('region', { name: 'Log of the notebook' })
      await log.getByText('nabla notebook logs --follow train-a-network').waitFor()
      await log.getByText(/^\d+ lines?$/).waitFor()
      expect(await findBarriersInBothThemes(page)).toEqual([])
    })

    test('that are shared are seen without an account, and nothing in them runs', async () => {
      const { client, open } = console()
      const { share } = await client.notebook.show({ notebook: 'look-at-digits' })
      const page = await open(`/shared/${share}`, { signedIn: false })
      await page.getByText('epoch 2 loss').waitFor()
      await page.getByRole('heading', { name: 'Digits', exact: true }).waitFor()
      await page.getByRole('img').first().waitFor()
      expect(await findBarriersInBothThemes(page)).toEqual([])
      await client.notebook.unshare({ notebook: 'look-at-digits' })
      await page.reload()
      await page.getByRole('button', { name: /again/i }).waitFor()
    })

    test('are made with what the form says', async () => {
      const { client, open } = console()
      const page = await open('/notebooks/new')
      await page.getByLabel('Name').first().fill('from-a-form')
      await page.getByLabel('Unused for').fill('30m')
      await page.getByText('nabla notebook create --name from-a-form --project default --idle-limit 30m').waitFor()
      expect(await findBarriersInBothThemes(page)).toEqual([])
      await page.getByRole('button', { name: 'Start notebook' }).first().click()
      await page.getByRole('heading', { name: 'from-a-form' }).waitFor()
      const made = await client.notebook.show({ notebook: 'from-a-form' })
      expect(made.spec).toMatchObject({ image: 'host', idleLimitSeconds: 1800 })
    })
  },
  { seeded: false },
)
