import { expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

describeConsole(
  'TensorBoards',
  (console) => {
    test('one is made for a job, opened, stopped and deleted', async () => {
      const { client, open } = console()
      const job = await client.job.create({ body: { command: 'run=900s', project: 'demo', name: 'trains' } })
      const page = await open(`/tensorboards?new=yes&jobs=${job.id}`)
      const dialog = page.getByRole('dialog')
      // The fake engine reads in the command how long it runs, and the name stands there.
      await dialog.getByLabel('Name', { exact: true }).fill('a run=9000s board')
      await dialog.getByText(`nabla tensorboard create --job ${job.id} --name 'a run=9000s board'`).waitFor()
      expect(await findBarriersInBothThemes(page)).toEqual([])
      await dialog.getByRole('button', { name: 'Start' }).click()
      const row = page.getByRole('row', { name: /a run=9000s board/ })
      await row.getByText('Running').waitFor()
      await row.getByRole('link', { name: 'trains' }).waitFor()
      expect(await findBarriersInBothThemes(page)).toEqual([])
      const isBoard = (url: string) => /^tb.*\.localhost$/.test(new URL(url).hostname)
      const asked = page.context().waitForEvent('request', (request) => isBoard(request.url()))
      await row.getByRole('button', { name: 'a run=9000s board', exact: true }).click()
      const [board] = (await client.tensorboard.list({})).items
      expect(new URL((await asked).url()).hostname).toBe(`${board!.id}.localhost`)

      const actions = page.getByRole('button', { name: 'Actions for a run=9000s board' })
      await actions.click()
      await page.getByRole('menuitem', { name: 'Stop' }).click()
      await row.getByText('Stopped').waitFor()
      await actions.click()
      await page.getByRole('menuitem', { name: 'Delete' }).click()
      await dialog.getByRole('button', { name: 'Delete' }).click()
      await page.getByText('No TensorBoards yet.').waitFor()
    })
  },
  { seeded: false },
)
